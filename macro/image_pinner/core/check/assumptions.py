"""Assume the values that only a deployment knows, to find the problems that a template has with any of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.markers import METADATA_KEY
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import UNRESOLVED_IMAGE, Problem

_REGION, _ACCOUNT, _STACK_NAME = "us-east-1", "000000000000", "stack"
# A parameter can be a name or a tag, a port or an index, a digest or its digits, a platform or the value of another
# option. None of these texts is valid as all of them, but each is valid as one.
_TEXTS = ("x", "1", f"sha256:{'0' * 64}", "0" * 64, "linux/amd64", "All", "Fail", "Label", "Always")
_NUMBERS = ("1",)


def assumed_scopes(fragment: Fragment, scope: Scope) -> Iterator[Scope]:
    """Yield scopes with values for all parameters and pseudo parameters; conditions stay as undecided as they are."""
    missing = {
        name: _possible_values(parameter)
        for name, parameter in scope.parameters.items()
        if isinstance(parameter, dict) and "Default" not in parameter and name not in scope.values
    }
    numbers = range(max(map(len, missing.values()), default=1))
    # First the same text for all, such as the name of a stage, then different ones: a tag and a digest, for example.
    for step, number in product((0, 1) if len(missing) > 1 else (0,), numbers):
        values = {
            name: some[(number + position * step) % len(some)] for position, (name, some) in enumerate(missing.items())
        }
        assumed = Scope.of_template(
            fragment.tree,
            {**values, **scope.values},
            region=scope.region or _REGION,
            account_id=scope.account_id or _ACCOUNT,
            ssm_names=True,
        )
        yield assumed.claiming(_STACK_NAME if _sets_stack_name(fragment) else "").assumed_from(scope)


def _possible_values(parameter: JsonObject) -> Sequence[JsonValue]:
    """Return some of the values that the declaration of a parameter allows."""
    allowed = parameter.get("AllowedValues")
    if isinstance(allowed, list) and allowed:
        return allowed[: len(_TEXTS)]
    return _NUMBERS if parameter.get("Type") == "Number" else _TEXTS


def without_defaults(fragment: Fragment, scope: Scope) -> tuple[Fragment, Scope]:
    """Return the fragment without the defaults of its parameters, and its scope: they decide no condition there."""
    parameters = {
        name: {key: value for key, value in declaration.items() if key != "Default"}
        for name, declaration in scope.parameters.items()
        if isinstance(declaration, dict)
    }
    tree = {**fragment.tree, "Parameters": parameters}
    other = Scope.of_template(
        tree, scope.values, region=scope.region, account_id=scope.account_id, ssm_names=scope.ssm_names
    )
    return fragment._replace(tree=tree), other


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
