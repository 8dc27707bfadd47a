"""The entries of gates, how templates tighten them, and each attempt to loosen them."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.errors import ConfigurationError, InvalidOptionError
from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.gates.configuration import GATES, GateRules, parse_gates
from image_pinner.core.gates.enabled import needs_of
from image_pinner.core.gates.immutable_tags import TAG_MUTABILITY, TagMutability
from image_pinner.core.gates.interface import Fact, Need, UnknownFact
from image_pinner.core.gates.lifecycle import LIFECYCLE, ImageLifecycle
from image_pinner.core.gates.signed_by_aws import COMPLETE, SIGNING_STATUS, SigningStatus
from image_pinner.core.gates.vulnerabilities import SCANS, ScannedImage
from image_pinner.core.images.scans import Scan, ScanState
from image_pinner.core.template.options import Options
from image_pinner.settings import Settings
from support.gates import FakeFacts, fact_of, judged, requiring, with_gates
from support.templates import pin, problems_of, template_of

AGE = ("age.minimum=3d", "age.maximum=90d")
SCAN = (
    "vulnerabilities.severity=HIGH",
    "vulnerabilities.maximum=HIGH:3",
    "vulnerabilities.only=fix-available",
    "vulnerabilities.ignore=CVE-2026-1:not reachable:2026-12-31",
)
METADATA = "Metadata.ImagePinner"
# Whatever is reported is about the template.
SATISFYING = FakeFacts(
    others={
        PUSHED: fact_of(Pushed("2026-11-20T12:00:00Z", 10 * 86400)),
        TAG_MUTABILITY: fact_of(TagMutability("IMMUTABLE")),
        SCANS: fact_of((ScannedImage("", Scan(ScanState.DONE, "COMPLETE")),)),
        LIFECYCLE: fact_of(ImageLifecycle()),
        SIGNING_STATUS: fact_of((SigningStatus("arn:aws:signer:a", COMPLETE),)),
    }
)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ({"age": {"minimum": "3d"}}, "option Gates is neither a text nor a list of texts"),
        ([["age.minimum=3d"]], "option Gates is neither a text nor a list of texts"),
        ([5], "option Gates is neither a text nor a list of texts"),
        (5, "option Gates is neither a text nor a list of texts"),
        (True, "option Gates is neither a text nor a list of texts"),
        ("age", "invalid entry 'age' of option Gates"),
        ("age=warn", "invalid entry 'age=warn' of option Gates"),
        ("age.minimum", "invalid entry 'age.minimum' of option Gates"),
        ("Age.minimum=3d", "unknown gate 'Age' (did you mean 'age'?)"),
        ("agee.minimum=3d", "unknown gate 'agee' (did you mean 'age'?)"),
        ("age.Minimum=3d", "gate age has no option 'Minimum' (did you mean 'minimum'?)"),
        ("age.minimum=3", "invalid entry 'age.minimum=3' of option Gates"),
        ("age.minimum=-3d", "invalid entry 'age.minimum=-3d' of option Gates"),
        ("age.minimum=٣d", "invalid entry 'age.minimum=٣d' of option Gates"),
        ("age.mode=Off", "invalid entry 'age.mode=Off' of option Gates"),
        ("age.mode=", "invalid entry 'age.mode=' of option Gates"),
        ("age.unknown=allow", "invalid entry 'age.unknown=allow' of option Gates"),
        ("age.minimum=3d; age.minimum=4d", "duplicate entry age.minimum of option Gates"),
        (["tags.deny=a"] * 1001, "option Gates has more than 1,000 entries"),
    ],
)
def test_invalid_entries_are_refused(value: Any, cause: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        parse_gates(value)
    assert caught.value.cause == cause
    assert caught.value.help


@pytest.mark.parametrize("name", sorted(gate.id for gate in GATES if gate.required))
def test_a_gate_without_its_required_options_is_not_a_valid_setting(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^invalid IMAGE_PINNER_GATES: a gate has no effect$"):
        Settings.from_environment({"IMAGE_PINNER_GATES": f"{name}.mode=deny"})


@pytest.mark.parametrize("separator", [";", " ; ", "\n", "\n\n;"])
def test_a_text_and_a_list_are_the_same_configuration(separator: str) -> None:
    entries = ["age.minimum=3d", "tags.deny=latest", "tags.deny = dev-*"]
    assert parse_gates(separator.join(entries)) == parse_gates(entries)
    assert Settings.from_environment({"IMAGE_PINNER_GATES": separator.join(entries)}).options == Options(
        gates=parse_gates(entries)
    )


def test_gates_are_off_by_default() -> None:
    assert GateRules().enabled == parse_gates("age.mode=off; age.minimum=3d").enabled == ()


def test_a_gate_that_an_entry_names_denies() -> None:
    (enabled,) = parse_gates("age.minimum=3d").enabled
    assert (enabled.gate.id, enabled.mode, enabled.unknown) == ("age", "deny", "deny")


def test_gates_are_judged_in_the_order_of_reports() -> None:
    entries = [f"{gate.id}.mode=deny" for gate in reversed(GATES)]
    assert [enabled.gate.id for enabled in parse_gates(entries).enabled] == [gate.id for gate in GATES]


def test_every_fact_that_a_gate_needs_is_gathered_once() -> None:
    gates = [requiring("a", 1), requiring("a", 2), requiring("b", 1)]
    assert needs_of(gates) == {Need("a"), Need("b")}


@pytest.mark.parametrize(
    ("mode", "unknown", "fact", "verdict"),
    [
        ("deny", "deny", fact_of(1), "allow"),
        ("deny", "deny", fact_of(2), "deny"),
        ("warn", "deny", fact_of(2), "warn"),
        ("deny", "deny", UnknownFact("it is denied", "allow it"), "deny"),
        ("deny", "warn", UnknownFact("it is denied", "allow it"), "warn"),
        ("warn", "deny", UnknownFact("it is denied", "allow it"), "warn"),
    ],
)
def test_verdicts(mode: str, unknown: str, fact: Fact | UnknownFact, verdict: str) -> None:
    gate = requiring("size", 1, mode)._replace(unknown=unknown)
    assert gate.judge(judged(size=fact)).verdict == verdict


def test_a_result_contains_what_was_found() -> None:
    known, unknown = (requiring("size", 1).judge(judged(**facts)) for facts in ({"size": fact_of(2)}, {}))
    assert (known.seen.fact, known.seen.source) == ("size is 2", "ecr:DescribeImages in us-east-1")
    assert known.seen.time == "2026-11-30T12:00:00Z"
    assert (unknown.seen.fact, unknown.seen.time) == ("unknown", "")


def loosening(*entries: str, by: Any) -> list[list[tuple[str, str]]]:
    """Return the problems of a template that sets `by` in each location where it can."""
    settings = with_gates(*entries)
    templates = [
        (template_of("!PinDigest nginx:1"), {"Gates": by}),
        (template_of("!PinDigest nginx:1", Metadata={"ImagePinner": {"Gates": by}}), {}),
    ]
    found = []
    for template, params in templates:
        found.append(problems_of(pin(template, params, settings=settings, facts=SATISFYING)))
    return found


LIFECYCLE_ENTRIES = (
    "lifecycle.within=30d",
    *(f"lifecycle.{name}=true" for name in ("as-untagged", "archive", "preview", "keep-tag")),
)
LOOSER_LIFECYCLE = (
    "within=29d",
    *(f"{name}=false" for name in ("as-untagged", "archive", "preview", "keep-tag")),
    "mode=off",
    "mode=warn",
    "unknown=warn",
)
LOOSER = [
    (AGE, "age.mode=off"),
    (AGE, "age.mode=warn"),
    (AGE, "age.unknown=warn"),
    (AGE, "age.minimum=2d"),
    (AGE, "age.minimum=0m"),
    (AGE, "age.maximum=91d"),
    ((*AGE, "age.mode=warn"), "age.mode=off"),
    (("repositories.allow=docker.io/library/*",), "repositories.allow=docker.io/*"),
    (
        ("repositories.allow=docker.io/library/*",),
        ["repositories.allow=docker.io/library/*", "repositories.allow=a.io/*"],
    ),
    (("repositories.allow=docker.io/library/*",), "repositories.mode=warn"),
    (("tags.deny=latest",), "tags.mode=off"),
    (("marked.mode=deny",), "marked.mode=warn"),
    (("immutable-tags.mode=deny",), "immutable-tags.mode=off"),
    (("immutable-tags.mode=warn",), "immutable-tags.mode=off"),
    (("immutable-tags.mode=deny",), "immutable-tags.unknown=warn"),
    (SCAN, "vulnerabilities.mode=off"),
    (SCAN, "vulnerabilities.mode=warn"),
    (SCAN, "vulnerabilities.unknown=warn"),
    (SCAN, "vulnerabilities.severity=CRITICAL"),
    (SCAN, "vulnerabilities.maximum=HIGH:4"),
    (SCAN, "vulnerabilities.maximum=CRITICAL:1"),
    (SCAN, ["vulnerabilities.maximum=HIGH:3", "vulnerabilities.maximum=CRITICAL:1"]),
    (SCAN[:1], "vulnerabilities.maximum=HIGH:1"),
    (SCAN, "vulnerabilities.only=exploit-available"),
    (SCAN, ["vulnerabilities.only=fix-available", "vulnerabilities.only=exploit-available"]),
    (SCAN[:1], "vulnerabilities.only=fix-available"),
    (SCAN, "vulnerabilities.ignore=CVE-2026-2:not reachable:2026-12-31"),
    (SCAN, "vulnerabilities.ignore=CVE-2026-1:not reachable:2027-01-01"),
    (SCAN, ["vulnerabilities.ignore=CVE-2026-1:a:2026-12-31", "vulnerabilities.ignore=CVE-2026-2:a:2026-12-31"]),
    (SCAN[:1], "vulnerabilities.ignore=CVE-2026-1:not reachable:2026-12-31"),
    *(
        ((*SCAN, *configured), f"vulnerabilities.{state}={choice}")
        for state in ("missing", "pending", "failed", "unsupported")
        for configured, choice in (((), "warn"), ((), "allow"), ((f"vulnerabilities.{state}=warn",), "allow"))
    ),
    (SCAN, "vulnerabilities.start=true"),
    ((*SCAN, "vulnerabilities.start=true"), "vulnerabilities.start=false"),
    *((LIFECYCLE_ENTRIES, f"lifecycle.{looser}") for looser in LOOSER_LIFECYCLE),
    (("aws-signing-status.require=managed",), "aws-signing-status.mode=off"),
    (("aws-signing-status.profile=arn:aws:signer:*",), "aws-signing-status.mode=warn"),
    (("aws-signing-status.profile=arn:aws:signer:*",), "aws-signing-status.unknown=warn"),
]


@pytest.mark.parametrize(("configured", "requested"), LOOSER)
def test_a_template_cannot_loosen_a_gate(configured: tuple[str, ...], requested: Any) -> None:
    for problems in loosening(*configured, by=requested):
        ((path, cause), *_) = problems
        assert path in {"Transform", METADATA}
        assert " is less strict than the configured " in cause


@pytest.mark.parametrize(("configured", "requested"), LOOSER)
def test_what_is_loosened_does_not_apply(configured: tuple[str, ...], requested: Any) -> None:
    rules = parse_gates(list(configured))
    assert parse_gates(requested).over(rules).enabled == rules.enabled


@pytest.mark.parametrize(
    "requested",
    [
        {"age": {"mode": "off"}},
        {"age.mode": "off"},
        [{"age.mode": "off"}],
        [["age.mode=off"]],
        "AGE.mode=off",
        "age.MODE=off",
        "age.mode=OFF",
        "age.mode = Off",
        "age.modе=off",  # noqa: RUF001 - a Cyrillic letter
        "age.mode==off",
        {"Fn::If": ["Unknown", "age.mode=off", "age.mode=off"]},
        {"Ref": "Unknown"},
        [{"Ref": "Unknown"}],
        {"Fn::Sub": "age.mode=${Unknown}"},
    ],
)
def test_other_spellings_and_types_do_not_loosen_a_gate(requested: Any) -> None:
    for problems in loosening(*AGE, by=requested):
        assert problems


@pytest.mark.parametrize(
    "requested",
    [
        {"Fn::Sub": "age.mode=off"},
        {"Fn::Join": ["", ["age.mode=", "off"]]},
        [{"Fn::Sub": "age.mode=off"}],
        {"Ref": "Text"},
    ],
)
def test_intrinsic_functions_do_not_loosen_a_gate(requested: Any) -> None:
    template = template_of("!PinDigest nginx:1", Parameters={"Text": {"Type": "String", "Default": "age.mode=off"}})
    template["Metadata"] = {"ImagePinner": {"Gates": requested}}
    ((_, cause), *_) = problems_of(pin(template, settings=with_gates(*AGE), facts=SATISFYING))
    assert cause == "age.mode=off is less strict than the configured age.mode=deny"


@pytest.mark.parametrize(
    "requested",
    [
        {"vulnerabilities.severity": "CRITICAL"},
        {"vulnerabilities": {"severity": "CRITICAL"}},
        [{"vulnerabilities.ignore": "CVE-2026-2:a:2026-12-31"}],
        [["vulnerabilities.ignore=CVE-2026-2:a:2026-12-31"]],
        {"Fn::Sub": "vulnerabilities.ignore=CVE-2026-2:a:2026-12-31"},
        {"Fn::Join": ["", ["vulnerabilities.severity=", "CRITICAL"]]},
        "Vulnerabilities.severity=CRITICAL",
        "vulnerabilities.Severity=CRITICAL",
        "vulnerabilities.severity=critical",
        "vulnerabilities.severity=CRITICAL,HIGH",
        "vulnerabilities.severity=UNTRIAGED",
        "vulnerabilities.ignore=*:a:2026-12-31",
        "vulnerabilities.ignores=CVE-2026-2:a:2026-12-31",
        "vulnerabilities.missing=Allow",
        "vulnerabilities.maximum=high:4",
        "vulnerabilities.maximum=HIGH:04",
    ],
)
def test_no_spelling_or_type_loosens_the_thresholds(requested: Any) -> None:
    for problems in loosening(*SCAN, by=requested):
        assert problems


def test_an_option_that_is_not_configured_has_a_strict_default() -> None:
    requested = parse_gates("vulnerabilities.ignore=CVE-2026-1:a:2026-12-31")
    assert requested.find_loosened(parse_gates(SCAN[0])) == (
        "vulnerabilities.ignore=CVE-2026-1:a:2026-12-31 is less strict than the configured vulnerabilities.ignore=none"
    )


@pytest.mark.parametrize("name", ["gates", "GATES", "Gate", "Gates "])
def test_another_spelling_of_the_option_is_unknown(name: str) -> None:
    template = template_of("!PinDigest nginx:1", Metadata={"ImagePinner": {name: "age.mode=off"}})
    ((_, cause), *_) = problems_of(pin(template, settings=with_gates(*AGE), facts=SATISFYING))
    assert cause.startswith("unknown option ")


@pytest.mark.parametrize("gates", ["", [], None, False, 0, {"Ref": "AWS::NoValue"}])
def test_an_empty_option_loosens_nothing(gates: Any) -> None:
    template = template_of("!PinDigest nginx:1", Metadata={"ImagePinner": {"Gates": gates}})
    result = pin(template, settings=with_gates("tags.deny=1"))
    assert not result.report.succeeded


def test_a_gate_cannot_be_set_for_a_resource_an_image_or_a_snippet() -> None:
    settings = with_gates(*AGE)
    resource = template_of("!PinDigest nginx:1")
    resource["Resources"]["Web"]["Metadata"] = {"ImagePinner": {"Gates": "age.mode=off"}}
    image = template_of("!PinDigest Gates=age.mode=off nginx:1")
    snippet = template_of(
        {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "nginx:1", "Gates": "age.mode=off"}}}
    )
    for template, params in (
        (resource, {}),
        (image, {}),
        (snippet, {}),
        ({}, {"Image": "nginx:1", "Gates": "age.mode=off"}),
    ):
        causes = [cause for _, cause in problems_of(pin(template, params, settings=settings))]
        assert any(cause.startswith("option Gates cannot be set for a single ") for cause in causes)


def test_different_gates_in_transform_and_metadata_contradict_each_other() -> None:
    template = template_of("!PinDigest nginx:1", Metadata={"ImagePinner": {"Gates": "tags.deny=2"}})
    ((_, cause), *_) = problems_of(pin(template, {"Gates": "tags.deny=3"}))
    assert cause.endswith("set different values for the same option")


@pytest.mark.parametrize(
    ("configured", "requested", "effective"),
    [
        ("age.minimum=3d", "age.minimum=4d", "age.minimum=4d; age.mode=deny; age.unknown=deny"),
        ("age.minimum=3d; age.mode=warn", "age.mode=deny", "age.minimum=3d; age.mode=deny; age.unknown=deny"),
        ("age.minimum=3d", "age.maximum=9d", "age.minimum=3d; age.maximum=9d; age.mode=deny; age.unknown=deny"),
        ("age.minimum=3d; age.mode=off", "age.minimum=1d", "age.minimum=1d"),
        ("age.minimum=3d; age.mode=off", "age.mode=deny", "age.minimum=3d"),
        (
            "age.minimum=3d; age.mode=off",
            "age.maximum=9d; age.mode=warn",
            "age.minimum=3d; age.maximum=9d; age.mode=warn",
        ),
        ("age.minimum=3d; age.mode=off", "age.mode=off", "age.mode=off"),
        ("age.minimum=3d; age.unknown=warn", "age.unknown=deny", "age.minimum=3d; age.mode=deny; age.unknown=deny"),
        ("tags.deny=latest", "tags.deny=dev", "tags.deny=latest; tags.deny=dev; tags.mode=deny; tags.unknown=deny"),
        (
            "repositories.allow=a.io/*",
            "repositories.allow=a.io/b/*",
            "repositories.allow=a.io/b/*; repositories.mode=deny; repositories.unknown=deny",
        ),
        ("tags.deny=a", "age.minimum=1d", "tags.deny=a; age.minimum=1d"),
        (
            "vulnerabilities.severity=HIGH; vulnerabilities.missing=warn",
            "vulnerabilities.severity=LOW; vulnerabilities.missing=deny; vulnerabilities.failed=deny",
            "vulnerabilities.severity=LOW",
        ),
        (
            "vulnerabilities.severity=HIGH; vulnerabilities.maximum=HIGH:3; vulnerabilities.maximum=CRITICAL:1",
            "vulnerabilities.maximum=HIGH:2",
            "vulnerabilities.severity=HIGH; vulnerabilities.maximum=CRITICAL:1; vulnerabilities.maximum=HIGH:2",
        ),
        (
            "vulnerabilities.severity=HIGH; vulnerabilities.ignore=CVE-2026-1:a:2026-12-31",
            "vulnerabilities.ignore=CVE-2026-1:b:2026-12-30",
            "vulnerabilities.severity=HIGH; vulnerabilities.ignore=CVE-2026-1:b:2026-12-30",
        ),
        (
            "vulnerabilities.severity=LOW; vulnerabilities.only=fix-available; vulnerabilities.only=exploit-available",
            "vulnerabilities.only=fix-available",
            "vulnerabilities.severity=LOW; vulnerabilities.only=fix-available",
        ),
        # What is set for a gate that is off applies only as long as nothing else is set.
        (
            "vulnerabilities.severity=LOW; vulnerabilities.mode=off",
            "vulnerabilities.severity=HIGH; vulnerabilities.missing=warn",
            "vulnerabilities.severity=HIGH; vulnerabilities.missing=warn",
        ),
        (
            "lifecycle.within=7d",
            "lifecycle.within=30d; lifecycle.archive=true",
            "lifecycle.within=30d; lifecycle.archive=true; lifecycle.mode=deny; lifecycle.unknown=deny",
        ),
        (
            "aws-signing-status.profile=arn:aws:signer:*",
            "aws-signing-status.require=cosign; aws-signing-status.profile=arn:aws:signer:a",
            (
                "aws-signing-status.profile=arn:aws:signer:*; aws-signing-status.profile=arn:aws:signer:a; "
                "aws-signing-status.require=cosign"
            ),
        ),
    ],
)
def test_a_template_can_tighten_gates(configured: str, requested: str, effective: str) -> None:
    rules, template = parse_gates(configured), parse_gates(requested)
    assert template.find_loosened(rules) == ""
    assert template.over(rules).enabled == parse_gates(effective).enabled


def test_a_tightened_gate_denies() -> None:
    template = template_of("!PinDigest nginx:1", Metadata={"ImagePinner": {"Gates": ["tags.deny=1"]}})
    assert [cause for _, cause in problems_of(pin(template, settings=with_gates("tags.deny=latest")))] == [
        "gate tags denies the image: tag '1' is forbidden"
    ]
