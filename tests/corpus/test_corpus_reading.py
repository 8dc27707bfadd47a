"""`check` on the corpus does not crash, and the images are those that an independent index lists."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest

from image_pinner.core.check import RULES
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Known, Outcome, Pending
from image_pinner.core.report import PinReport
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.options import Options, Pin
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.pinning import Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline
from support.command import image_pinner
from support.corpus import (
    ACCOUNT,
    CORPUS,
    DUPLICATE_KEYS,
    REGION,
    IndexedImage,
    PermissiveRegistry,
    has_duplicate_keys,
    index,
    sampled_names,
    tree,
    value_at,
)

pytestmark = pytest.mark.corpus

# Why the index has no reference, and the reason that is reported here for the same image.
SAME_REASON = {
    "param-nodefault": ("has neither a value nor a default",),
    "ecr-generated-name": ("made up by CloudFormation when it creates the repository",),
    "unknown-ref:ContainerImage": ("the template has no parameter and no resource",),
    "getatt:AWS::CloudFormation::Stack.Outputs.ContainerImage": ("known only when CloudFormation has created",),
    "ssm-param-type": ("is asked of the Parameter Store",),
    # The name of the export depends on a parameter, so that it cannot be looked up.
    "Fn::ImportValue": ("is asked of CloudFormation", "has neither a value nor a default"),
}


def test_the_corpus_is_complete() -> None:
    assert len(index()) == 376
    assert sum(len(images) for images in index().values()) == 804


def test_pyyaml_finds_duplicate_keys_in_the_same_templates() -> None:
    assert tuple(name for name in sorted(index()) if has_duplicate_keys(name)) == DUPLICATE_KEYS


@pytest.mark.parametrize("name", DUPLICATE_KEYS)
@pytest.mark.parametrize("subcommand", ["check", "pin"])
def test_a_template_with_a_duplicate_key_is_rejected(name: str, subcommand: str) -> None:
    run = image_pinner(subcommand, str(CORPUS / name))

    assert (run.code, run.out) == (2, b"")
    assert f"{CORPUS / name}:" in run.err
    assert "duplicate key" in run.err


@pytest.mark.parametrize("name", sampled_names())
def test_check_reports_lines_of_the_file_or_nothing(name: str) -> None:
    run = image_pinner("check", "--format", "json", str(CORPUS / name))

    findings = json.loads(run.out)["findings"]
    assert run.err == ""
    assert run.code == (1 if findings else 0)
    lines = len((CORPUS / name).read_bytes().splitlines())
    for finding in findings:
        assert finding["rule"] in RULES
        assert 1 <= finding["line"] <= lines
        assert finding["cause"]
        assert finding["help"]


def report_of(name: str) -> PinReport:
    """Report on all images of a template with the defaults of its parameters, like the index."""
    template = tree(name)
    resolvers = PermissiveRegistry()
    settings = Settings(options=Options(pin=Pin.ALL), unsafe_implicit_latest=True)
    fragment = Fragment(Shape.TEMPLATE, template, {}, template)
    return pin_template(
        fragment, scope_of(name), settings, lambda _: Resolvers(resolvers, resolvers), Deadline.after(60)
    ).report


def scope_of(name: str) -> Scope:
    return Scope.of_template(tree(name), {}, region=REGION, account_id=ACCOUNT, ssm_names=True)


def image_paths(report: PinReport) -> set[TemplatePath]:
    """Return the property paths of all images, one for all branches of an image."""
    steps = [outcome.site.path.steps for outcome in report.outcomes]
    steps += [site.path.steps for site in report.unanswered]
    steps += [image.path.steps for image in report.skipped]
    steps += [problem.path.steps for problem in report.problems]
    return {TemplatePath(without_branches(path)) for path in steps}


def without_branches(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    while "Fn::If" in steps[-2:-1]:
        steps = steps[:-2]
    return steps


def as_indexed(path: TemplatePath) -> tuple[str, str]:
    """Return the resource and the property path without numbers, as in the index."""
    steps = list(path.steps)
    indexed = ""
    while steps[2:]:
        step = steps.pop(2)
        if step == "Fn::If":
            steps.pop(2)
        elif step != "Properties":
            indexed += "[]" if isinstance(step, int) else f".{step}"
    return str(steps[1]), indexed.removeprefix(".")


@pytest.mark.parametrize("name", sampled_names())
def test_the_images_of_a_template_and_their_references_are_those_of_the_index(name: str) -> None:
    scope = scope_of(name)
    found: defaultdict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for path in image_paths(report_of(name)):
        found[as_indexed(path)].append(evaluate(value_at(tree(name), path), scope))
    expected: defaultdict[tuple[str, str], list[IndexedImage]] = defaultdict(list)
    for image in index()[name]:
        expected[image.resource, image.path].append(image)

    assert found.keys() == expected.keys()
    for key, images in expected.items():
        outcomes = found[key]
        texts = Counter(str(outcome.value) for outcome in outcomes if isinstance(outcome, Known))
        assert texts == Counter(image.resolved for image in images if image.resolved is not None), key
        reasons = [reason_of(outcome) for outcome in outcomes if not isinstance(outcome, Known)]
        accepted = [SAME_REASON[image.unresolved] for image in images if image.resolved is None]
        assert len(reasons) == len(accepted), key
        for reason in reasons:
            assert any(part in reason for parts in accepted for part in parts), key


def reason_of(outcome: Outcome) -> str:
    if isinstance(outcome, Pending):
        kinds = {type(lookup).__name__ for lookup in outcome.external_values}
        return {"SsmParameter": "is asked of the Parameter Store", "StackExport": "is asked of CloudFormation"}[
            kinds.pop()
        ]
    return getattr(outcome, "reason", "")
