"""Fix unpinned images with the digests that `pin` would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from image_pinner.cli.console import Dependencies
from image_pinner.cli.documents import InPlaceEditError, SourceDocument
from image_pinner.cli.fixes import Findings
from image_pinner.cli.inputs import TemplateFile, parse_template
from image_pinner.cli.output import pin_report
from image_pinner.cli.pinning_options import PinningInputs
from image_pinner.cli.wording import help_for_check
from image_pinner.core.outcomes import Pinned
from image_pinner.core.template.edits import Edit
from image_pinner.core.template.problems import Problem
from image_pinner.core.template.rewrite import build_edits
from image_pinner.pinning import pin_template
from image_pinner.sources.interface import Deadline


class UnpinnedImages:
    """Pins the images of findings, each on its own: marked images stay, and one that fails does not stop the others.

    `problems` are the reasons of those that failed, and `messages` has them as text.
    """

    def __init__(self, inputs: PinningInputs) -> None:
        self._inputs = inputs
        self.problems: list[Problem] = []
        self.messages = ""

    @classmethod
    def read(cls, options: Mapping[str, Any], dependencies: Dependencies) -> UnpinnedImages:
        """Read the options of `check`, which has fewer than `pin`; the environment has the rest.

        Raises:
            ConfigurationError: An option, or a variable of the environment, is not valid.
        """
        others = {"pin": "All", "stack_name": "", "timeout": None, "unsafe_implicit_latest": False}
        return cls(PinningInputs.read({**options, **others, "insecure_registries": (), "mirrors": ()}, dependencies))

    def pin(self, template: TemplateFile, findings: Findings) -> tuple[Edit, ...]:
        """Return the edits that pin the images of findings, as far as their digests can be resolved."""
        document, settings = template.document, self._inputs.settings
        selecting = parse_template(document.data, document.name, settings.macro_name, "All")
        report = pin_template(
            selecting.fragment,
            self._inputs.scope(selecting),
            settings,
            lambda _: self._inputs.resolvers,
            Deadline.after(settings.timeout),
        ).report
        paths = {found.finding.path for found in findings}
        problems = [problem for problem in report.problems if problem.path in paths]
        self.problems += problems
        self.messages += pin_report.render_problems(document, problems, help_for_check)
        pinned = (outcome for outcome in report.outcomes if isinstance(outcome, Pinned) and outcome.site.path in paths)
        images = [(outcome.site, outcome.text, outcome.recorded) for outcome in pinned]
        build = partial(build_edits, selecting.fragment.tree, kept=(), skipped=())
        if _failure(document, build(images)):
            failures = [_failure(document, build([image])) for image in images]
            images = [image for image, failure in zip(images, failures, strict=True) if not failure]
            self.messages += "".join(f"error: {each.cause}\nhelp: {each.help}\n" for each in filter(None, failures))
        return build(images)


def _failure(document: SourceDocument, edits: Sequence[Edit]) -> InPlaceEditError | None:
    try:
        document.apply(edits)
    except InPlaceEditError as error:
        return error
    return None
