"""What was found in a template: the images to pin, the others, and the problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.references import is_digest
from image_pinner.core.intrinsics.budget import BudgetExceededError
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import ExternalValue, JsonObject, JsonValue
from image_pinner.core.template.classify import classify_image
from image_pinner.core.template.locations import ImageLocation
from image_pinner.core.template.marker_search import MarkerCount
from image_pinner.core.template.markers import parse_metadata_options, parse_parameters
from image_pinner.core.template.options import Level, Options, Pin, find_loosened_option, may_select
from image_pinner.core.template.paths import Step, TemplatePath
from image_pinner.core.template.problems import INVALID_OPTION, UNRESOLVED_IMAGE, Problem, ProblemKind
from image_pinner.core.template.records import DigestImage
from image_pinner.core.template.sites import PinSite, ResourceContext, ScanSettings, SkippedImage, SkipStatus
from image_pinner.core.template.skipped import FALSE_CONDITION
from image_pinner.core.template.traversal import OpaqueNode, TemplateNode

_LEFT_SNIPPET = "a snippet is left that CloudFormation has not processed"
_SHOW_PROPERTY = "write the property without the function, or write Pin: Skip in the Metadata of the resource"
_SHOW_ADDED = "write what the function adds in the template, or mark the images instead of setting Pin"
_PINNED_BY_SNIPPET = "a snippet next to it requests the pin, and CloudFormation calls the macro for that"


@dataclass(slots=True)
class ImageScan:
    """The images of a template.

    Args:
        pinned: The images to pin.
        skipped: The images that are not pinned, each with the reason.
        problems: Why the template cannot be pinned.
        written_digests: The images that are not pinned because they have a digest.
        hidden: The properties that can hide images, except those that `Pin` skips.
        external_values: The values to look up before all images are known.
        read: All expressions that were read as images, by their paths.
        marker_count: The markers in the template, if they were counted.
        options: The options of the template and the configuration, merged.
        snippet_pins: `Pin` of the snippets that are next to other keys, by the paths of their mappings.
    """

    pinned: list[PinSite] = field(default_factory=list)
    skipped: list[SkippedImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    written_digests: list[DigestImage] = field(default_factory=list)
    hidden: list[OpaqueNode] = field(default_factory=list)
    external_values: set[ExternalValue] = field(default_factory=set)
    read: dict[tuple[Step, ...], JsonValue] = field(default_factory=dict)
    marker_count: MarkerCount | None = None
    options: Options = Options()
    snippet_pins: dict[tuple[Step, ...], Pin | frozenset[str]] = field(default_factory=dict)

    def add(
        self, node: TemplateNode, location: ImageLocation, context: ResourceContext, scan_settings: ScanSettings
    ) -> str:
        """Classify an image, add the result, and return the container's name, or an empty text.

        Raises:
            BudgetExceededError: Evaluating the image exceeds the budget of the template.
        """
        self.read[node.steps] = node.value
        try:
            found = classify_image(node, location, context, scan_settings)
        except BudgetExceededError as error:
            raise BudgetExceededError(f"{node.path}: {error.cause}", error.help) from None
        result = found.result
        match result:
            case PinSite():
                self.pinned.append(result)
            case SkippedImage():
                result = self._seen_by_snippets(result, found.name)
                self.skipped.append(result)
                if is_digest(result.written.partition("@")[2]):
                    self.written_digests.append(DigestImage(node, location, context.resource_path, result.written))
            case Problem():
                self.problems.append(result)
            case None:
                pass
        self.external_values |= found.external_values
        return found.name

    def _seen_by_snippets(self, image: SkippedImage, name: str) -> SkippedImage:
        if image.status not in {SkipStatus.UNMARKED, SkipStatus.INVALID} or not self.snippet_pins:
            return image
        steps = image.path.steps
        pins = (self.snippet_pins.get(steps[:length]) for length in range(len(steps)))
        if not any(pin is Pin.ALL or (isinstance(pin, frozenset) and name in pin) for pin in pins):
            return image
        return image._replace(status=SkipStatus.SNIPPET, reason=_PINNED_BY_SNIPPET)

    def add_problem(
        self,
        path: TemplatePath,
        cause: str,
        help: str,
        rule: str = INVALID_OPTION,
        kind: ProblemKind = ProblemKind.TEMPLATE,
    ) -> None:
        """Add a problem that does not concern a single image."""
        self.problems.append(Problem(path, kind, cause, help, rule=rule))

    def add_opaque(self, opaque: OpaqueNode, context: ResourceContext, *, deployed: bool = True) -> None:
        """Add a property that can hide images: a problem if they are deployed and `Pin` may select them."""
        pin = context.options.pin
        if pin is not Pin.SKIP:
            self.hidden.append(opaque)
        if not deployed:
            if may_select(pin):
                self.skipped.append(SkippedImage(opaque.path, SkipStatus.NOT_DEPLOYED, FALSE_CONDITION))
        elif may_select(pin):
            self.add_problem(
                opaque.path,
                f"cannot find the images in this value: {opaque.reason}",
                _SHOW_PROPERTY if context.resource_path.steps else _SHOW_ADDED,
                UNRESOLVED_IMAGE,
            )
        else:
            status = SkipStatus.SKIPPED if pin is Pin.SKIP else SkipStatus.HIDDEN
            self.skipped.append(SkippedImage(opaque.path, status, opaque.reason))

    def hide_snippets(self) -> None:
        """Hide the images of snippets, which are unknown if CloudFormation does not process the snippets any more."""
        self.skipped = [
            image._replace(status=SkipStatus.HIDDEN, reason=_LEFT_SNIPPET)
            if image.status is SkipStatus.SNIPPET
            else image
            for image in self.skipped
        ]

    def add_loosened_option(self, path: TemplatePath, options: Options, configured: Options) -> None:
        """Add a problem if one of `options` is less strict than the configuration."""
        if looser := find_loosened_option(options, configured):
            self.add_problem(path, looser, "remove the option", kind=ProblemKind.POLICY)

    def read_parameters(self, path: TemplatePath, parameters: JsonObject, scope: Scope) -> Options:
        """Read the options in the Parameters of a call; add a problem and return none if they are invalid."""
        return self._read_options(path, lambda: parse_parameters(parameters, scope))

    def read_metadata(
        self, path: TemplatePath, metadata: JsonValue, scope: Scope, level: Level = Level.TEMPLATE
    ) -> Options:
        """Read the options in a Metadata section. See `read_parameters`."""
        return self._read_options(path, lambda: parse_metadata_options(metadata, scope, level))

    def _read_options(self, path: TemplatePath, read: Callable[[], Options]) -> Options:
        try:
            return read()
        except InvalidOptionError as error:
            self.add_problem(path, error.cause, error.help, error.slug)
            return Options()

    def report_unknown_containers(self, pin: Pin | tuple[str, ...] | None, names: set[str], path: TemplatePath) -> None:
        """Add a problem for the names in a `Pin` that no container has."""
        if isinstance(pin, tuple) and (missing := [name for name in pin if name not in names]):
            known = f"use one of {', '.join(sorted(names))}" if names else "remove Pin: no container here has a name"
            self.add_problem(path, f"no container is named {', '.join(map(repr, missing))}", known)
