"""What `check` and `pin` must agree on, and what the fixes of `check` must achieve, for a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image_pinner.core.check import Finding, check_template
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.report import PinReport
from image_pinner.core.rules import Severity
from image_pinner.core.template.edits import Edit, InsertKey, apply_edits
from image_pinner.core.template.fragments import Fragment, Shape, read_fragment
from image_pinner.core.template.markers import calls_macro, snippet_parameters
from image_pinner.core.template.problems import Problem, ProblemKind
from image_pinner.pinning import Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline
from support.corpus import ACCOUNT, GENERATED, REGION, PermissiveRegistry
from support.gate_cases import GOOD_FACTS

SETTINGS = Settings()
STACK = "shop"
"""The stack of a template that sets the option `StackName`."""


def _fragment(template: JsonObject, pin: str) -> tuple[Fragment, bool]:
    transform = template.get("Transform")
    calls = transform if isinstance(transform, list) else [transform]
    own = next((call for call in calls if calls_macro(call, SETTINGS.macro_name)), None)
    options = {**(snippet_parameters(own, SETTINGS.macro_name) or {}), **({"Pin": pin} if pin else {})}
    return Fragment(Shape.TEMPLATE, template, options, template), own is not None


def checked(
    template: JsonObject, values: Mapping[str, Any], pin: str = "", settings: Settings = SETTINGS
) -> list[Finding]:
    """Check a template as the command does; `pin` takes precedence over `Pin` in its Transform."""
    fragment, names_macro = _fragment(template, pin)
    return check_template(
        fragment,
        values,
        settings.scan_settings,
        names_macro=names_macro,
        region=REGION,
        account_id=ACCOUNT,
        implicit_latest=settings.unsafe_implicit_latest,
    )


def pinned(template: JsonObject, values: Mapping[str, Any], pin: str = "", settings: Settings = SETTINGS) -> PinReport:
    """Pin a template with a registry that has every image, knows every value, and reports facts that satisfy gates."""
    registry = PermissiveRegistry()
    registry.facts["*"] = GOOD_FACTS
    scope = Scope.of_template(
        template, values, region=REGION, account_id=ACCOUNT, stack_name=_stack_name(template), ssm_names=True
    )
    resolvers = Resolvers(registry, registry, registry.deployments, registry)
    fragment, _ = _fragment(template, pin)
    return pin_template(fragment, scope, settings, lambda _: resolvers, Deadline.after(60)).report


def pinned_snippet(siblings: JsonObject, parameters: JsonObject, declared: JsonObject) -> list[Problem]:
    """Pin what the macro gets for a snippet, and return the problems of the template."""
    registry = PermissiveRegistry()
    values = {name: declaration["Default"] for name, declaration in declared.items()}
    fragment = read_fragment(siblings, parameters)
    scope = fragment.make_scope(values, values.keys(), region=REGION, account_id=ACCOUNT)
    resolvers = Resolvers(registry, registry, registry.deployments)
    report = pin_template(fragment, scope, SETTINGS, lambda _: resolvers, Deadline.after(60)).report
    return [problem for problem in report.problems if problem.kind is ProblemKind.TEMPLATE]


def _stack_name(template: JsonObject) -> str:
    return STACK if "'StackName'" in repr(template.get("Transform")) + repr(template.get("Metadata")) else ""


def errors_of(findings: list[Finding], severity: Severity = Severity.ERROR) -> set[tuple[str, str]]:
    """Return the codes and paths of the findings that are errors, or of those that have another severity at least."""
    return {(each.rule.code, str(each.path)) for each in findings if each.rule.severity.reaches(severity)}


def fixes_of(findings: list[Finding]) -> list[Edit]:
    """Return the distinct fixes; all images of a resource can have the same one."""
    fixes = [edit for finding in findings for edit in finding.edits]
    return list({(fix.path, fix.key if isinstance(fix, InsertKey) else ""): fix for fix in fixes}.values())


def assert_check_and_pin_agree(
    template: JsonObject, values: Mapping[str, Any], pin: str = "", settings: Settings = SETTINGS
) -> None:
    """Check that what `pin` refuses because of the template is an error of `check`, and that it accepts the rest."""
    findings, report = checked(template, values, pin, settings), pinned(template, values, pin, settings)
    errors = errors_of(findings)
    # An external value that is a whole image is known to the registry only.
    problems = [problem for problem in report.problems if problem.image != GENERATED]
    refused = {str(problem.path) for problem in problems if problem.kind is not ProblemKind.LOOKUP}
    assert refused <= {path for _, path in errors}, problems
    assert errors or not problems, problems


def assert_fixes_pass(template: JsonObject, values: Mapping[str, Any]) -> JsonObject:
    """Check that the template with all fixes has nothing new or fixable, and that `pin` agrees; return it."""
    findings = checked(template, values)
    fixed = apply_edits(template, fixes_of(findings))
    after = checked(fixed, values)
    assert fixes_of(after) == []
    assert errors_of(after, Severity.WARNING) <= errors_of(findings, Severity.WARNING)
    assert_check_and_pin_agree(fixed, values)
    return fixed
