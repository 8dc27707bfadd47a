"""The response of the macro and the output of `pin` for every example template and golden input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from golden.golden_cases import SOURCES, TEMPLATE_CASES, TEXT_CASES, TemplateCase
from golden.golden_files import as_json, compare
from image_pinner.cli.documents import read_source
from image_pinner.core.gates.configuration import GATES
from image_pinner.core.template.locations import image_locations
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from support.macro import STACK_NAME


def macro_in(resolvers: InMemoryRegistry) -> Macro:
    environment = {"IMAGE_PINNER_STATE_SCOPE": "stack:*"}
    return Macro(
        lambda *_: Resolvers(resolvers, resolvers, resolvers.deployments, resolvers), environment, lambda _line: None
    )


@pytest.mark.parametrize("case", TEMPLATE_CASES, ids=str)
def test_the_macro_returns_the_template_with_digests(case: TemplateCase) -> None:
    response = macro_in(case.resolvers()).answer(case.event(), None)

    assert response["status"] == "success", response["errorMessage"]
    compare(case.expected_fragment, as_json(response["fragment"]))


@pytest.mark.parametrize("case", TEMPLATE_CASES, ids=str)
def test_the_macro_does_not_change_its_own_result(case: TemplateCase) -> None:
    event = case.event()
    first = macro_in(case.resolvers()).answer(event, None)["fragment"]

    again = macro_in(case.resolvers()).answer({**event, "fragment": first}, None)

    assert again["status"] == "success"
    assert as_json(again["fragment"]) == as_json(first)


@pytest.mark.parametrize("case", TEXT_CASES, ids=str)
def test_pin_prints_the_template_with_digests(case: TemplateCase) -> None:
    run = image_pinner(*pin_arguments(case), resolvers=case.resolvers())

    assert run.code == 0, run.err
    compare(case.expected_text, run.out)


@pytest.mark.parametrize("case", TEXT_CASES, ids=str)
def test_pin_prints_what_the_macro_returns(case: TemplateCase) -> None:
    printed = read_source(case.expected_text.read_bytes(), case.name).tree

    returned = json.loads(case.expected_fragment.read_text("utf-8"))

    assert {key: value for key, value in printed.items() if key != "Transform"} == returned


@pytest.mark.parametrize("case", TEXT_CASES, ids=str)
def test_diff_finds_no_change_in_the_template_with_digests(case: TemplateCase) -> None:
    arguments = ["diff", *pin_arguments(case)[1:], "--against", str(case.expected_text)]

    run = image_pinner(*arguments, resolvers=case.resolvers())

    assert run.code == 0, run.text + run.err


def pin_arguments(case: TemplateCase) -> list[str]:
    values = [part for name, value in case.values.items() for part in ("--parameter", f"{name}={value}")]
    account = ["--region", case.account.region, "--account", case.account.account_id]
    # The macro knows the stack only if the template names it.
    stack = ["--stack-name", STACK_NAME] if "StackName" in str(case.template().get("Transform")) else []
    return ["pin", str(case.source), *account, *stack, *values]


def test_every_property_that_accepts_a_digest_is_pinned_in_a_golden_input() -> None:
    pinned: set[tuple[str, str]] = set()
    for source in SOURCES:
        case = TemplateCase(source)
        _, report = macro_in(case.resolvers()).run(case.event(), None)
        assert report is not None
        resources = case.template()["Resources"]
        pinned |= {location_of(outcome.site.path.steps, resources) for outcome in report.outcomes}

    accepted = {
        (resource_type, location.path)
        for resource_type, locations in image_locations().items()
        for location in locations
        if not location.refused
    }
    assert accepted - pinned == set()


def test_every_gate_has_a_template() -> None:
    gates = {
        entry.partition(".")[0]
        for path in SOURCES
        if path.stem.startswith("gate-")
        for entry in re.findall(r"[a-z-]+\.[a-z-]+=", path.read_text("utf-8"))
    }
    assert gates == {gate.id for gate in GATES}


def location_of(steps: tuple[Any, ...], resources: dict[str, Any]) -> tuple[str, str]:
    """Return the resource type and the JSONPath of a property path, as in image_locations.toml."""
    resource: Any = {"Resources": resources}
    names = list(steps)
    while "Properties" in names[1:]:
        resource = resource[names.pop(0)]
    return resource["Type"], "$" + "".join(path_parts(resource["Type"], names[1:]))


def path_parts(resource_type: str, steps: list[Any]) -> Iterator[str]:
    # Keys under WorkerTypeSpecifications are chosen by the user.
    for before, step in zip(["", *steps], steps, strict=False):
        if before == "Fn::If":
            continue
        is_own_key = resource_type == "AWS::EMRServerless::Application" and before == "WorkerTypeSpecifications"
        if step != "Fn::If":
            yield "[*]" if isinstance(step, int) else ".*" if is_own_key else f".{step}"
