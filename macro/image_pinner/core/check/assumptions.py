"""Assume the values that only a deployment knows, to find the problems that a template has with any of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonValue
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.markers import METADATA_KEY
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import UNRESOLVED_IMAGE, Problem

_REGION, _ACCOUNT, _STACK_NAME = "us-east-1", "000000000000", "stack"
# A parameter can be a name or a tag, a port or an index, a digest, a platform or the value of another option. None of
# these texts is valid as all of them, but each is valid as one.
_TEXTS = ("x", "1", f"sha256:{'0' * 64}", "linux/amd64", "Always")
_NUMBER = "1"


def assumed_scopes(fragment: Fragment, scope: Scope) -> Iterator[Scope]:
    """Yield scopes with values for all parameters and pseudo parameters; conditions stay as undecided as they are."""
    fixed, any_text = _missing_values(scope)
    for text in _TEXTS if any_text else _TEXTS[:1]:
        assumed = Scope.of_template(
            fragment.tree,
            {**fixed, **dict.fromkeys(any_text, text), **scope.values},
            region=scope.region or _REGION,
            account_id=scope.account_id or _ACCOUNT,
            ssm_names=True,
        )
        yield assumed.claiming(_STACK_NAME if _sets_stack_name(fragment) else "").assumed_from(scope)


def _missing_values(scope: Scope) -> tuple[dict[str, JsonValue], list[str]]:
    """Return values of the parameters without one whose declarations suggest it, and the names of the others."""
    fixed: dict[str, JsonValue] = {}
    any_text = []
    for name, parameter in scope.parameters.items():
        if not isinstance(parameter, dict) or "Default" in parameter or name in scope.values:
            continue
        allowed = parameter.get("AllowedValues")
        if isinstance(allowed, list) and allowed:
            fixed[name] = allowed[0]
        elif parameter.get("Type") == "Number":
            fixed[name] = _NUMBER
        else:
            any_text.append(name)
    return fixed, any_text


def _sets_stack_name(fragment: Fragment) -> bool:
    metadata = fragment.tree.get("Metadata")
    options = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return "StackName" in fragment.parameters or (isinstance(options, dict) and "StackName" in options)


def certain_problems(problems: Collection[Problem], assumed: Iterable[Iterable[Problem]]) -> Iterator[Problem]:
    """Yield the problems that remain with each of the assumed values.

    Args:
        problems: The problems with the values that are known.
        assumed: The problems of the same template in each of `assumed_scopes`.
    """
    if not problems:
        return  # most templates
    paths = {problem.path for problem in problems}
    recurring: dict[tuple[TemplatePath, str], Problem] = {}
    for scan in assumed:
        found = {(problem.path, problem.rule): problem for problem in scan if problem.path in paths}
        recurring = {key: problem for key, problem in (recurring or found).items() if key in found}
        if not recurring:
            return
    found_at = {problem.path: problem for problem in recurring.values()}
    for problem in problems:
        other = found_at.get(problem.path)
        if other is None or (problem.missing and _may_be_assumed(other)):
            continue
        # A value that is only missing here is not the reason.
        yield other if problem.missing else problem


def _may_be_assumed(problem: Problem) -> bool:
    """Return whether the reason can be a key, an index or a name that was assumed, and that the template lacks."""
    return problem.rule == UNRESOLVED_IMAGE and not problem.missing
