"""Every gate through the macro: its verdicts, missing permissions, and each attempt of a template to loosen it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from image_pinner.core.gates.configuration import GATES, parse_gates
from image_pinner.core.gates.enabled import needs_of
from image_pinner.core.gates.interface import Facts
from image_pinner.core.intrinsics.values import ExternalValue, SsmParameter
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.sources.ecr.facts.source import FACTS
from support.ecr_api import EcrApi, denied
from support.gate_cases import GATE_CASES, IMAGE, GateCase
from support.gates import FakeFacts
from support.macro import event_for
from support.templates import EveryDigest, ExpectedLookups, image_in, task

EVERY_GATE = pytest.mark.parametrize("gate", [gate.id for gate in GATES])
OTHER_LETTERS = str.maketrans({"o": "о", "n": "ո"})  # noqa: RUF001 - Cyrillic and Armenian


def answer(
    resources: Mapping[str, Any],
    facts: Any,
    *entries: str,
    params: Mapping[str, Any] | None = None,
    sections: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    external_values: Mapping[ExternalValue, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the response of the macro with these gates."""
    macro = Macro(
        lambda *_: Resolvers(EveryDigest(), ExpectedLookups(external_values), facts=facts),
        {"IMAGE_PINNER_GATES": "\n".join(entries)},
        lambda _: None,
    )
    fragment = {"Resources": resources, **(sections or {})} if resources else {}
    return macro.answer(event_for(fragment, params, values), None)


def bad(case: GateCase, *entries: str, **options: Any) -> dict[str, Any]:
    """Return the response for what does not satisfy the gate."""
    return answer(case.denied_resources, FakeFacts(others=case.bad), *entries, **options)


def good(case: GateCase, *entries: str, **options: Any) -> dict[str, Any]:
    """Return the response for what satisfies the gate."""
    return answer(case.resources, FakeFacts(others=case.good), *entries, **options)


def test_every_gate_has_a_case() -> None:
    assert list(GATE_CASES) == [gate.id for gate in GATES]


@EVERY_GATE
def test_it_allows_and_denies_and_warns(gate: str) -> None:
    case = GATE_CASES[gate]
    assert good(case, *case.entries)["status"] == "success"
    response = bad(case, *case.entries)
    assert response["status"] == "failure"
    assert f"gate {gate} denies the image: " in response["errorMessage"]
    lenient = [entry for entry in case.entries if ".mode=" not in entry]
    assert bad(case, *lenient, f"{gate}.mode=warn")["status"] == "success"
    assert bad(case, *lenient, f"{gate}.mode=off")["status"] == "success"


@EVERY_GATE
def test_an_unknown_fact_is_denied_unless_the_configuration_allows_it(gate: str) -> None:
    case = GATE_CASES[gate]
    resources = case.unknown or case.resources
    response = answer(resources, FakeFacts(), *case.entries)
    assert response["status"] == "failure"
    assert f"gate {gate} denies the image: unknown: " in response["errorMessage"]
    assert answer(resources, FakeFacts(), *case.entries, f"{gate}.unknown=warn")["status"] == "success"


def actions_of(case: GateCase) -> list[str]:
    """Return the IAM actions for the facts that a configuration needs."""
    needs = needs_of(parse_gates(list(case.entries)).enabled)
    return [action for need in needs for how in ("", *need.how) for action in FACTS[need.fact].actions.get(how, ())]


@pytest.mark.parametrize("gate", [gate.id for gate in GATES if gate.possible_needs])
def test_a_missing_permission_is_named(gate: str) -> None:
    case = GATE_CASES[gate]
    actions = [action for action in actions_of(case) if action.startswith("ecr:")]
    api = EcrApi({action.removeprefix("ecr:"): denied(action, "shop/web") for action in actions})
    message = answer(case.resources, api.facts(), *case.entries)["errorMessage"]
    assert f"gate {gate} denies the image: unknown: " in message
    cause = message.partition(" denied on arn:aws:ecr:us-east-1:111122223333:repository/shop/web")[0]
    assert [action for action in actions if f"{action} " in cause and f"allow {action} " in message], message


def loosening_of(case: GateCase, gate: str) -> list[str]:
    """Return the entries that loosen a gate."""
    return [f"{gate}.mode=off", f"{gate}.mode=warn", f"{gate}.unknown=warn", *case.looser]


def forms_of(entry: str) -> Iterator[Any]:
    """Yield the values that mean an entry, all of them valid."""
    left, _, value = entry.partition("=")
    yield from (entry, [entry], f"  {left}  =  {value}  ", f"\n;{entry};\n", ["", entry])


def evaluated_forms_of(entry: str) -> Iterator[Any]:
    """Yield the values that evaluate to an entry."""
    left, _, value = entry.partition("=")
    yield from (
        {"Fn::Sub": entry},
        [{"Fn::Sub": entry}],
        {"Fn::Join": ["", [f"{left}=", value]]},
        {"Fn::Select": [0, [entry]]},
        {"Fn::If": ["Always", entry, {"Ref": "AWS::NoValue"}]},
        {"Fn::FindInMap": ["Map", "first", "second"]},
        {"Ref": "Text"},
    )


def other_forms_of(entry: str) -> Iterator[Any]:
    """Yield values that mean nothing, and that something lenient could take for the entry."""
    left, _, value = entry.partition("=")
    gate, _, option = left.partition(".")
    yield from (
        f"{gate.upper()}.{option}={value}",
        f"{gate}.{option.title()}={value}",
        f"{left}={value.upper()}",
        f"{left}={value.title()}",
        f"{left}=={value}",
        f"{left}:{value}",
        f"{left}={value}\0",
        f"{left}={value},",
        f"{gate}\u200b.{option}={value}",
        f"{gate}.{option.translate(OTHER_LETTERS)}\u00a0={value}",
        f"{gate}.*={value}",
        f"*.{option}={value}",
        f"{gate}={value}",
        {gate: {option: value}},
        {left: value},
        {gate: value},
        [{left: value}],
        [[entry]],
        {"": entry},
        [entry, 0],
        0,
        1,
        True,
        {"Ref": "Unknown"},
        {"Fn::GetAtt": ["Web", "Gates"]},
        {"Fn::If": ["Unknown", entry, entry]},
        {"Fn::ImportValue": entry},
        {"fn::sub": entry},
    )


def sections_for(entry: str, **more: Any) -> dict[str, Any]:
    """Return the sections with what the intrinsic functions need."""
    return {
        "Parameters": {"Text": {"Type": "String", "Default": entry}},
        "Conditions": {"Always": {"Fn::Equals": ["a", "a"]}},
        "Mappings": {"Map": {"first": {"second": entry}}},
        **more,
    }


def attempts(value: Any, entry: str) -> Iterator[dict[str, Any]]:
    """Yield the locations of a value that apply to a whole template."""
    yield {"params": {"Gates": value}, "sections": sections_for(entry)}
    yield {"sections": sections_for(entry, Metadata={"ImagePinner": {"Gates": value}})}


@EVERY_GATE
def test_a_looser_entry_is_refused(gate: str) -> None:
    case = GATE_CASES[gate]
    for entry in loosening_of(case, gate):
        for value in forms_of(entry):
            for attempt in attempts(value, entry):
                for respond in (bad, good):
                    response = respond(case, *case.entries, **attempt)
                    assert response["status"] == "failure", (entry, value)
                    assert " is less strict than the configured " in response["errorMessage"], (entry, value)


@EVERY_GATE
def test_intrinsic_functions_that_evaluate_to_a_looser_entry_are_refused(gate: str) -> None:
    case = GATE_CASES[gate]
    entry = f"{gate}.mode=off"
    for value in evaluated_forms_of(entry):
        response = bad(case, *case.entries, sections=sections_for(entry, Metadata={"ImagePinner": {"Gates": value}}))
        assert response["status"] == "failure", value
        assert f"{entry} is less strict than the configured " in response["errorMessage"], value
        assert bad(case, *case.entries, params={"Gates": value})["status"] == "failure", value


@EVERY_GATE
def test_other_spellings_and_types_loosen_nothing(gate: str) -> None:
    case = GATE_CASES[gate]
    for entry in (f"{gate}.mode=off", f"{gate}.unknown=warn"):
        for value in other_forms_of(entry):
            for attempt in attempts(value, entry):
                assert bad(case, *case.entries, **attempt)["status"] == "failure", value


@EVERY_GATE
@pytest.mark.parametrize("name", ["gates", "GATES", "Gate", "Gates ", "Gates.mode", "IMAGE_PINNER_GATES"])
def test_no_other_option_loosens_a_gate(gate: str, name: str) -> None:
    case = GATE_CASES[gate]
    for option in (name, f"{gate}.mode", gate):
        for attempt in (
            {"params": {option: f"{gate}.mode=off"}},
            {"sections": {"Metadata": {"ImagePinner": {option: f"{gate}.mode=off"}}}},
        ):
            assert bad(case, *case.entries, **attempt)["status"] == "failure", option


@EVERY_GATE
def test_a_resource_an_image_and_a_snippet_loosen_nothing(gate: str) -> None:
    case = GATE_CASES[gate]
    facts, entry = FakeFacts(others=case.bad), f"{gate}.mode=off"
    for value in (*forms_of(entry), {gate: {"mode": "off"}}):
        resource = {"Web": {**case.denied_resources["Web"], "Metadata": {"ImagePinner": {"Gates": value}}}}
        assert answer(resource, facts, *case.entries)["status"] == "failure"
        snippet = {"Image": IMAGE.removeprefix("!PinDigest "), "Gates": value}
        assert answer({}, facts, *case.entries, params=snippet)["status"] == "failure"
    image = str(case.denied).replace("!PinDigest ", "")
    for text in (f"!PinDigest Gates={entry} {image}", f"!PinDigest {entry} {image}"):
        response = answer(GateCase((), denied=text).denied_resources, facts, *case.entries)
        assert response["status"] == "failure"


@EVERY_GATE
def test_the_transform_and_the_metadata_together_loosen_nothing(gate: str) -> None:
    case = GATE_CASES[gate]
    entry = f"{gate}.mode=off"
    sections = {"Metadata": {"ImagePinner": {"Gates": list(case.entries)}}}
    assert bad(case, *case.entries, params={"Gates": entry}, sections=sections)["status"] == "failure"
    assert bad(case, *case.entries, params={"Gates": [*case.entries, entry]})["status"] == "failure"


def test_the_cases_know_facts_of_gates_only() -> None:
    needed = {need.fact for gate in GATES for need in gate.possible_needs}
    known: set[str] = set()
    for case in GATE_CASES.values():
        facts: Facts = case.good
        assert set(facts) == set(case.bad)
        known |= set(facts)
    assert known == needed


@pytest.mark.parametrize(
    "name", [" evil.example/app", "evil.example/App", "http://evil.example/app", "evil.example/app:1:2"]
)
def test_an_invalid_reference_with_a_digest_is_judged(name: str) -> None:
    message = answer(
        {"Web": task(f"{name}@sha256:{'a' * 64}")}, FakeFacts(), "repositories.allow=docker.io/*", "marked.mode=deny"
    )["errorMessage"]
    assert "gate repositories denies the image: unknown: the image cannot be resolved" in message
    assert "gate marked denies the image: the image is not pinned: " in message


STRICT = ("repositories.allow=good.example/*", "marked.mode=deny", "tags.deny=latest")
DIGEST = f"@sha256:{'e' * 64}"
GOOD, EVIL = f"good.example/app{DIGEST}", f"evil.example/app{DIGEST}"
BY_STACK_NAME = {"Fn::FindInMap": ["Images", {"Ref": "AWS::StackName"}, "ref"]}
UNLESS_ALIAS = {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::StackName"}, "alias"]}]}
BY_LOOP = {"Fn::Sub": f"${{Name}}.example/app{DIGEST}"}
HIDDEN_CONTAINERS = {"ContainerDefinitions": {"Fn::Transform": {"Name": "AWS::Include"}}}


def codebuild(image: Any) -> dict[str, Any]:
    """Return a CodeBuild project."""
    return {"Type": "AWS::CodeBuild::Project", "Properties": {"Environment": {"Image": image}}}


def lightsail(image: str) -> dict[str, Any]:
    """Return a Lightsail container service."""
    deployment = {"Containers": [{"ContainerName": "web", "Image": image}]}
    return {"Type": "AWS::Lightsail::Container", "Properties": {"ContainerServiceDeployment": deployment}}


def recipe(image: str) -> dict[str, Any]:
    """Return a container recipe of Image Builder."""
    return {"Type": "AWS::ImageBuilder::ContainerRecipe", "Properties": {"ParentImage": image}}


def model(image: str) -> dict[str, Any]:
    """Return a model algorithm of Clean Rooms ML, which accepts no digest."""
    properties = {"TrainingContainerConfig": {"ImageUri": image}}
    return {"Type": "AWS::CleanRoomsML::ConfiguredModelAlgorithm", "Properties": properties}


def images_by_stack_name(alias: str, other: str) -> dict[str, Any]:
    """Return a section with an image for the stack `alias`, and one for each other stack."""
    return {"Mappings": {"Images": {"alias": {"ref": alias}, "prod": {"ref": other}}}}


CLAIMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a mapping of digests": ({"Web": task(BY_STACK_NAME)}, images_by_stack_name(GOOD, EVIL)),
    "a mapping of tags": ({"Web": task(BY_STACK_NAME)}, images_by_stack_name("good.example/app:1", EVIL)),
    "a mapping with nothing": ({"Web": task(BY_STACK_NAME)}, images_by_stack_name("", EVIL)),
    "a mapping with a managed image": (
        {"Web": codebuild(BY_STACK_NAME)},
        images_by_stack_name("aws/codebuild/standard:7.0", EVIL),
    ),
    "a mapping without the stack": (
        {"Web": task({"Fn::FindInMap": [*BY_STACK_NAME["Fn::FindInMap"], {"DefaultValue": {"Ref": "AWS::NoValue"}}]})},
        {"Mappings": {"Images": {"prod": {"ref": EVIL}}}},
    ),
    "a loop": ({"Fn::ForEach::L": ["Name", [{"Ref": "AWS::StackName"}], {"Web${Name}": task(BY_LOOP)}]}, {}),
    "a condition of a marked image": ({"Web": {**task("!PinDigest evil.example/app:1"), "Condition": "Real"}}, {}),
    "a condition of a property": ({"Web": task({"Fn::If": ["Real", "!PinDigest evil.example/app:1", GOOD]})}, {}),
    "a condition of what is hidden": (
        {"Web": {**task(), "Properties": HIDDEN_CONTAINERS, "Condition": "Real"}},
        {},
    ),
}


@pytest.mark.parametrize("form", CLAIMS)
@pytest.mark.parametrize("pin", ["Marked", "All"])
def test_the_claimed_name_of_the_stack_hides_no_image(form: str, pin: str) -> None:
    resources, sections = CLAIMS[form]
    sections = {**sections, "Conditions": {"Real": UNLESS_ALIAS}}
    options = {"StackName": "alias", "Pin": pin}
    for claim in ({"params": options}, {"sections": {"Metadata": {"ImagePinner": options}}}):
        response = answer(
            resources, FakeFacts(), *STRICT, **{**claim, "sections": {**sections, **claim.get("sections", {})}}
        )
        if response["status"] == "success":
            assert image_in(response["fragment"]).startswith("good.example/app@")
            assert pin == "All"


ARN = "arn:aws:imagebuilder:us-east-1"


@pytest.mark.parametrize("pin", ["Marked", "All"])
@pytest.mark.parametrize(
    ("resource", "gate"),
    [
        (model("evil.example/app:1"), "repositories.allow=good.example/*"),
        (model("good.example/app:latest"), "tags.deny=latest"),
        (model("good.example/app:1"), "marked.mode=deny"),
        (lightsail(":shop.evil.1"), "repositories.allow=good.example/*"),
        (lightsail(":shop.evil.1"), "marked.mode=deny"),
        (recipe(f"{ARN}:999988887777:image/evil/1.0.0"), "repositories.allow=good.example/*"),
    ],
)
def test_an_image_that_cannot_be_pinned_is_judged(resource: dict[str, Any], gate: str, pin: str) -> None:
    assert answer({"It": resource}, FakeFacts(), gate, params={"Pin": pin})["status"] == "failure"


@pytest.mark.parametrize(
    "resource", [codebuild("aws/codebuild/standard:7.0"), recipe(f"{ARN}:aws:image/amazon-linux-2023/x.x.x")]
)
def test_an_image_of_aws_itself_is_not_judged(resource: dict[str, Any]) -> None:
    assert answer({"It": resource}, FakeFacts(), *STRICT)["status"] == "success"


LEFT = {"Name": "ImagePinner", "Parameters": {"Pin": "All"}}
EVIL_TASK = task("evil.example/app:1")
LEFT_SNIPPETS: dict[str, dict[str, Any]] = {
    "next to the properties": {"Web": {**EVIL_TASK, "Transform": LEFT}},
    "next to the properties, in the long form": {"Web": {**EVIL_TASK, "Fn::Transform": LEFT}},
    "in the properties": {"Web": {**EVIL_TASK, "Properties": {**EVIL_TASK["Properties"], "Fn::Transform": LEFT}}},
    "in the resources": {"Web": EVIL_TASK, "Transform": LEFT},
    "in place of the image": {"Web": task({"Fn::Transform": [LEFT, {"Name": "Other"}]})},
    "in a function of SAM": {
        "Web": {
            "Type": "AWS::Serverless::Function",
            "Transform": LEFT,
            "Properties": {"PackageType": "Image", "ImageUri": "evil.example/app:1"},
        }
    },
}


@pytest.mark.parametrize("form", LEFT_SNIPPETS)
def test_a_snippet_that_is_left_hides_no_image(form: str) -> None:
    for gate in STRICT[:2]:
        message = answer(LEFT_SNIPPETS[form], FakeFacts(), gate).get("errorMessage", "")
        assert "a snippet is left that CloudFormation has not processed" in message, gate


def test_a_name_that_a_loop_has_too_hides_no_image() -> None:
    image = {"Fn::Sub": [f"${{Name}}.example/app{DIGEST}", {"Name": "good"}]}
    assert answer({"Fn::ForEach::L": ["Name", ["evil"], {"Web": task(image)}]}, FakeFacts(), *STRICT)["status"] == (
        "failure"
    )


@pytest.mark.parametrize("pin", ["Marked", "All"])
@pytest.mark.parametrize("image", ["${Name}", {"Ref": "Name"}, {"Fn::Sub": "${Name}"}], ids=str)
def test_a_looked_up_value_of_a_loop_does_not_stay_in_the_template(image: Any, pin: str) -> None:
    loop = {"Fn::ForEach::L": ["Name", ["{{resolve:ssm:/image}}"], {"Web": task(image)}]}
    response = answer(loop, FakeFacts(), *STRICT, params={"Pin": pin}, external_values={SsmParameter("/image"): GOOD})
    if response["status"] == "success":
        body = response["fragment"]["Resources"]["Fn::ForEach::L"][2]
        assert image_in({"Resources": body}) == GOOD
        assert pin == "All"


def task_of(container: dict[str, Any]) -> dict[str, Any]:
    """Return a task definition with this container."""
    return {**task(), "Properties": {"ContainerDefinitions": [container]}}


@pytest.mark.parametrize(
    ("resources", "equals"),
    [
        ({"Web": {**task("!PinDigest evil.example/app:1"), "Condition": "Real"}}, [{"Ref": "Stage"}, "/prod"]),
        ({"Web": {**task("!PinDigest evil.example/app:1"), "Condition": "Real"}}, [12345678.5, "1.23456785E7"]),
        (
            {
                "Fn::ForEach::L": [
                    "Name",
                    {"Fn::If": ["Real", ["a"], []]},
                    {"Web": task("!PinDigest evil.example/app:1")},
                ]
            },
            [{"Ref": "Stage"}, "/prod"],
        ),
        (
            {
                "Fn::ForEach::L": [
                    "Name",
                    [{"Fn::If": ["Real", "ECS", "SNS"]}],
                    {"Web": {**EVIL_TASK, "Type": "AWS::${Name}::TaskDefinition"}},
                ]
            },
            [{"Ref": "Stage"}, "/prod"],
        ),
        (
            {
                "Web": task_of(
                    {"Fn::ForEach::L": ["Name", {"Fn::If": ["Real", ["Image"], ["User"]]}, {"${Name}": EVIL}]}
                )
            },
            [{"Ref": "Stage"}, "/prod"],
        ),
    ],
)
def test_a_condition_that_can_be_true_hides_no_image(resources: dict[str, Any], equals: list[Any]) -> None:
    # The value of the parameter is the name of another one.
    stage = {"Stage": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/stage"}}
    resources |= {"Other": task({"Fn::Sub": "!PinDigest good.example/${Stage}:1"})}
    sections = {"Parameters": stage, "Conditions": {"Real": {"Fn::Equals": equals}}}
    response = answer(
        resources,
        FakeFacts(),
        *STRICT,
        sections=sections,
        values={"Stage": "/prod"},
        external_values={SsmParameter("/prod"): "test"},
    )
    assert response["status"] == "failure"
