"""Generated expressions for the property tests of the evaluator."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from image_pinner.core.intrinsics import INTRINSICS
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, SsmParameter, StackExport

REGION, ACCOUNT = "us-east-1", "123456789012"
SECRET = "hunter2"
EXPORTS = ("Export-a", "Export-b")
STORED = "/stored/name"

# A template in which everything can be resolved, except what depends on the parameters Given and Other, on the exports,
# on the stored parameter and on the name of the repository Fresh.
TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "prod"},
        "Tag": {"Type": "String", "Default": "v1.2"},
        "Empty": {"Type": "String", "Default": ""},
        "Count": {"Type": "Number", "Default": "3"},
        "Names": {"Type": "CommaDelimitedList", "Default": "web,api,db"},
        "Given": {"Type": "String"},
        "Other": {"Type": "String"},
        "Unrelated": {"Type": "String"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": STORED},
        "Secret": {"Type": "String", "NoEcho": "true", "Default": SECRET},
    },
    "Mappings": {
        "Images": {
            "prod": {"web": "app:1", "all": ["app:1", "app:2"]},
            "dev": {"web": "app:dev", "all": ["app:dev"]},
            REGION: {"web": "app:us", "all": ["app:us", ""]},
        }
    },
    "Resources": {
        "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}},
        "Fresh": {"Type": "AWS::ECR::Repository"},
        "Bucket": {"Type": "AWS::S3::Bucket"},
    },
}
CONDITIONS = tuple(f"C{number}" for number in range(4))
KNOWLEDGE: dict[str, str] = {"Given": "gi:ven", "Other": "ot-her"}
ANSWERS: dict[ExternalValue, Answer] = {
    **{StackExport(name): Known(f"{name}/value") for name in EXPORTS},
    SsmParameter(STORED): Known("stored:value"),
}


def scope_with(conditions: dict[str, Any], values: dict[str, str] | None = None) -> Scope:
    """Return the scope of the template with these conditions."""
    template = {**TEMPLATE, "Conditions": conditions}
    return Scope.of_template(template, values or {}, region=REGION, account_id=ACCOUNT)


LITERALS = st.text(alphabet="abpr0AZé-:/._ ", max_size=6)
_KNOWN_TEXTS = st.one_of(
    LITERALS,
    st.sampled_from(["Stage", "Tag", "Empty", "Count", "AWS::Region", "AWS::AccountId", "AWS::URLSuffix"]).map(
        lambda name: {"Ref": name}
    ),
    st.sampled_from(["prod", "dev", {"Ref": "Stage"}, {"Ref": "AWS::Region"}]).map(
        lambda key: {"Fn::FindInMap": ["Images", key, "web"]}
    ),
)
_OPEN_TEXTS = st.one_of(
    st.sampled_from(["Given", "Other", "Stored", "Fresh"]).map(lambda name: {"Ref": name}),
    st.sampled_from(EXPORTS).map(lambda name: {"Fn::ImportValue": name}),
    st.sampled_from(
        [
            {"Fn::GetAtt": ["Fresh", "Arn"]},
            {"Fn::GetAtt": "Repo.RepositoryUri"},
            f"x{{{{resolve:ssm:{STORED}}}}}y",
            {"Fn::Sub": "a-${Given}-${Stored}"},
        ]
    ),
)


@cache
def texts(depth: int, *, open_ends: bool) -> st.SearchStrategy[Any]:
    """Return expressions that evaluate to a string.

    Args:
        depth: How deep functions are nested.
        open_ends: Whether parts may be unknown or pending; without them, only what both oracles understand is used.
    """
    leaves = st.one_of(_KNOWN_TEXTS, _OPEN_TEXTS) if open_ends else _KNOWN_TEXTS
    if depth == 0:
        return leaves
    text, items = texts(depth - 1, open_ends=open_ends), lists(depth - 1, open_ends=open_ends)
    names = ["Stage", "Tag", "Count", "AWS::Region", "!Literal", "Own"] + (["Given", "Stored"] if open_ends else [])
    pattern = st.lists(st.one_of(LITERALS, st.sampled_from(names).map(lambda name: f"${{{name}}}")), max_size=4)
    functions = st.one_of(
        st.tuples(st.sampled_from(["", "-", "::"]), items).map(lambda pair: {"Fn::Join": list(pair)}),
        st.tuples(pattern, text).map(lambda pair: {"Fn::Sub": ["".join(pair[0]), {"Own": pair[1]}]}),
        st.tuples(st.integers(0, 2), items).map(lambda pair: {"Fn::Select": list(pair)}),
        st.tuples(st.sampled_from(CONDITIONS), text, text).map(lambda three: {"Fn::If": list(three)}),
    )
    return st.one_of(leaves, functions) if depth == 1 else functions


@cache
def lists(depth: int, *, open_ends: bool) -> st.SearchStrategy[Any]:
    """Return expressions that evaluate to a list of strings; the arguments are those of `texts`."""
    text = texts(max(depth - 1, 0), open_ends=open_ends)
    if open_ends:
        text = st.one_of(text, st.just({"Ref": "AWS::NoValue"}), _maybe_nothing(text))
    literal = st.lists(text, min_size=0 if open_ends else 1, max_size=4)
    return st.one_of(
        literal,
        st.just({"Ref": "Names"}),
        st.sampled_from(["prod", {"Ref": "Stage"}]).map(lambda key: {"Fn::FindInMap": ["Images", key, "all"]}),
        st.tuples(st.sampled_from(["-", ":", "::", "a"]), texts(max(depth - 1, 0), open_ends=open_ends)).map(
            lambda pair: {"Fn::Split": list(pair)}
        ),
    )


def _maybe_nothing(text: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(CONDITIONS), text).map(
        lambda pair: {"Fn::If": [pair[0], pair[1], {"Ref": "AWS::NoValue"}]}
    )


@st.composite
def conditions(draw: st.DrawFn, *, open_ends: bool) -> dict[str, Any]:
    """Return a `Conditions` section in which each condition uses only those before it."""
    section: dict[str, Any] = {}
    comparison = st.tuples(texts(1, open_ends=False), texts(1, open_ends=open_ends)).map(
        lambda pair: {"Fn::Equals": list(pair)}
    )
    # Conditions that use other conditions would be drawn before these exist.
    plain = comparison.filter(lambda condition: not any(name in json.dumps(condition) for name in CONDITIONS))
    for name in CONDITIONS:
        leaves = plain if not section else st.one_of(plain, st.sampled_from([{"Condition": each} for each in section]))
        section[name] = draw(combined(leaves))
    return section


def combined(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return conditions that combine some others by And, Or and Not."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda one: {"Fn::Not": [one]}),
            st.lists(inner, min_size=2, max_size=3).map(lambda some: {"Fn::And": some}),
            st.lists(inner, min_size=2, max_size=3).map(lambda some: {"Fn::Or": some}),
        ),
        max_leaves=4,
    )


_WEIRD_TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        [
            *TEMPLATE["Parameters"],
            *TEMPLATE["Resources"],
            *CONDITIONS,
            "Images",
            "prod",
            "web",
            "AWS::NoValue",
            "AWS::Region",
            "AWS::StackName",
            "${Secret}",
            "${Tag}-${Given}",
            "&{Loop}${Loop}",
            "${",
            "{{resolve:ssm:x}}",
            "{{resolve:ssm:",
            "Repo.Arn",
        ]
    ),
)
_WEIRD_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.just(10**400), st.just(object), _WEIRD_TEXTS
)
_WEIRD_KEYS = st.one_of(
    st.sampled_from([*INTRINSICS, "Fn::PinDigest", "Fn::ForEach::Loop", "Fn::", "DefaultValue", "Type", "Default"]),
    st.text(max_size=3),
    st.integers(0, 3),
)


def weird(max_leaves: int = 25) -> st.SearchStrategy[Any]:
    """Return nested structures with functions in unexpected positions and shapes."""
    return st.recursive(
        _WEIRD_SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.tuples(_WEIRD_KEYS, inner).map(lambda pair: {pair[0]: pair[1]}),
            st.tuples(st.sampled_from(list(INTRINSICS)), st.lists(inner, max_size=4)).map(
                lambda pair: {pair[0]: pair[1]}
            ),
            st.dictionaries(_WEIRD_KEYS, inner, max_size=3),
        ),
        max_leaves=max_leaves,
    )
