"""Check the snippets that call the macro for a part of a template: each is a fragment of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from image_pinner.core.check.assumptions import certain_problems
from image_pinner.core.check.findings import Deny, Finding, problem_finding
from image_pinner.core.check.images import find_refused_pins
from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.fragments import Fragment, Shape, read_fragment
from image_pinner.core.template.marker_search import find_misplaced_markers
from image_pinner.core.template.paths import TemplatePath, value_at
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import ScanSettings
from image_pinner.core.template.transform_calls import TransformCall, find_transform_calls

_SECTION = ("Transform",)
_OUTER_STEPS = {Shape.TEMPLATE: 0, Shape.RESOURCES: 1, Shape.RESOURCE: 2, Shape.PROPERTIES: 0}
"""How many steps a fragment has around what CloudFormation sends."""
_ANY_TEXT = "x"
_SSM_TYPE = "AWS::SSM::Parameter::Value<"


class Snippets(NamedTuple):
    """The snippets of a template.

    Args:
        template: The template.
        known: What is known.
        assumed: Returns the same with values for all parameters. See `assumed_scopes`.
        scan_settings: The macro's configuration.
        deny: See `Deny`.
    """

    template: JsonObject
    known: Scope
    assumed: Callable[[], Iterator[Scope]]
    scan_settings: ScanSettings
    deny: Deny

    def find_problems(self, scan: ImageScan) -> Iterator[Finding]:
        """Yield a finding for each reason why the macro refuses a snippet.

        The snippets in image properties are in the `scan` of the template, and not repeated.
        """
        if not scan.marker_count or not scan.marker_count.transforms:
            return
        reported = {problem.path for problem in scan.problems}
        for call in find_transform_calls(self.template):
            own = call.own(self.scan_settings.macro)
            if call.steps == _SECTION or call.owner in scan.read or len(call.calls) != 1 or own is None:
                continue
            siblings = {key: value for key, value in call.siblings.items() if key != call.steps[-1]}
            try:
                fragment = read_fragment(siblings, own.parameters if isinstance(own.parameters, dict) else {})
            except InvalidOptionError:
                continue  # a problem of the template too
            for finding in self._check(fragment):
                path = _in_template(self.template, call, fragment, finding.path)
                if path not in reported:
                    yield Finding(finding.rule, path, finding.cause, finding.help)

    def _check(self, fragment: Fragment) -> Iterator[Finding]:
        scan, problems = self._scan(fragment, self.known)
        assumed = (self._scan(fragment, scope, stored=_ANY_TEXT)[1] for scope in self.assumed())
        yield from map(problem_finding, certain_problems(problems, assumed))
        yield from find_refused_pins(scan, fragment.tree, self.deny)

    def _scan(self, fragment: Fragment, scope: Scope, stored: str = "") -> tuple[ImageScan, list[Problem]]:
        values = dict(_values_of(scope, stored))
        own = fragment.make_scope(values, values.keys(), region=scope.region, account_id=scope.account_id)
        scan = fragment.find_images(own, self.scan_settings)
        return scan, [*scan.problems, *find_misplaced_markers(fragment.tree, scan.read, own)]


def _values_of(scope: Scope, stored: str) -> Iterator[tuple[str, JsonValue]]:
    """Yield the values of the parameters that a macro gets; `stored` is that of the SSM types, or empty if unknown."""
    for name, declaration in scope.parameters.items():
        is_declared = isinstance(declaration, dict)
        if is_declared and str(declaration.get("Type")).startswith(_SSM_TYPE):
            if stored:
                yield name, stored
        elif name in scope.values:
            yield name, scope.values[name]
        elif is_declared and "Default" in declaration:
            yield name, declaration["Default"]


def _in_template(template: JsonObject, call: TransformCall, fragment: Fragment, path: TemplatePath) -> TemplatePath:
    """Return the path of a value of a fragment in the template, or that of the call."""
    found = TemplatePath((*call.owner, *path.steps[_OUTER_STEPS[fragment.shape] :]))
    try:
        value_at(template, found.steps)
    except (KeyError, IndexError, TypeError):
        return call.path
    return found if path.steps else call.path
