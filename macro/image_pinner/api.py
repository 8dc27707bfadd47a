"""The Python API: pin and check templates in tests and scripts. docs/python.md describes it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from image_pinner.cli.aws_configuration import configured_region
from image_pinner.cli.checking import CheckInputs, check_document
from image_pinner.cli.console import Dependencies
from image_pinner.cli.documents.text import decode
from image_pinner.cli.inputs import TemplateFile, check_account, parse_template, read_settings, read_template
from image_pinner.cli.lock_files import read_lock_file
from image_pinner.cli.output import LocatedFinding
from image_pinner.cli.pinning_options import PinningInputs, StackAccount, find_account, make_resolvers
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, join_help
from image_pinner.core.images.lookups import OCI_MANIFEST, ImageLookup, Origin, Resolution, Resolved, Unavailable
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.intrinsics.values import Answer, ExternalValue, JsonObject, Unknown
from image_pinner.core.report import PinReport
from image_pinner.core.rules import Severity
from image_pinner.pinning import Resolvers, read_gates
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline

__all__ = [
    "Finding", "ImagePinnerError", "PinFailedError", "PinReport", "PinnedTemplate", "check_template", "pin_template",
]  # fmt: skip

Template = str | os.PathLike[str] | Mapping[str, Any]
"""A template: the path of a file, its text in YAML or JSON, or a mapping in the long form of functions."""
Parameters = Mapping[str, str | Sequence[str]]
"""The values of parameters by name."""
Digests = Mapping[str, str] | os.PathLike[str] | Literal["registries"]
"""Where digests come from: a mapping from images to digests, the path of a lock file, or the registries."""

_NAME = "template"
_USE_REGISTRIES = 'pass digests="registries"'


class PinFailedError(ImagePinnerError):
    """A template cannot be pinned.

    Args:
        report: What happened to every image; `report.problems` are the reasons.
    """

    def __init__(self, report: PinReport) -> None:
        super().__init__("\n".join(map(str, report.problems)))
        self.report = report


class PinnedTemplate(NamedTuple):
    """A template whose marked images are pinned.

    Args:
        template: The template with digests, in the long form of functions.
        text: The text of the file that was passed, with digests; JSON if a mapping was passed.
        report: What happened to every image.
    """

    template: JsonObject
    text: str
    report: PinReport


class Finding(NamedTuple):
    """Something to change in a template. `image-pinner rules` explains the codes.

    Args:
        code: The code of the rule, such as `IP001`.
        severity: `error`, `warning` or `info`.
        path: The property path of the value to change.
        line: Its line in the text of the template, from 1.
        column: Its column, from 1.
        cause: What is wrong, as a clause.
        help: What to do, as an imperative clause.
    """

    code: str
    severity: str
    path: str
    line: int
    column: int
    cause: str
    help: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.code} {join_help(self.cause, self.help)}"


def check_template(
    template: Template,
    *,
    parameters: Parameters | None = None,
    region: str = "",
    account_id: str = "",
    severity: Literal["error", "warning", "info"] = "warning",
) -> tuple[Finding, ...]:
    """Return the findings of `image-pinner check`, sorted by position. It makes no network requests.

    Args:
        template: The template. A string is the text of a template, not a path.
        parameters: The values of the template's parameters; others can have any value.
        region: The region of the stack, or empty for any.
        account_id: The AWS account ID of the stack, or empty for any.
        severity: The severity of the least severe findings to return.

    Raises:
        ImagePinnerError: The template or the configuration cannot be read.
    """
    inputs = CheckInputs(
        read_settings(()),
        _values(parameters),
        region,
        check_account(account_id),
        lambda rule: rule.severity.reaches(Severity(severity)),
    )
    return tuple(map(_describe, find_in_template(template, inputs)))


def find_in_template(template: Template, inputs: CheckInputs) -> tuple[LocatedFinding, ...]:
    """Return the findings in a template, for `image-pinner check` to render.

    Raises:
        ImagePinnerError: The template cannot be read.
    """
    return check_document(_read(template, inputs.settings), inputs)


def pin_template(
    template: Template,
    *,
    digests: Digests,
    parameters: Parameters | None = None,
    region: str = "",
    account_id: str = "",
    stack_name: str = "",
) -> PinnedTemplate:
    """Pin the marked images of a template, as the macro does.

    Args:
        template: The template. A string is the text of a template, not a path.
        digests: Where digests come from. A mapping and a lock file need no network. The registries, and AWS for the
            values that only AWS knows, are accessed with the credentials of the environment, as by the CLI.
        parameters: The values of the template's parameters; the others have their defaults.
        region: The region of the stack. With the registries, it is by default that of the AWS configuration.
        account_id: The AWS account ID of the stack. With the registries, it is by default that of the credentials.
        stack_name: The name of the stack.

    Returns:
        The template with digests, as a mapping and as text, and the report.

    Raises:
        PinFailedError: An image cannot be pinned; nothing is.
        ImagePinnerError: The template, a parameter or the configuration cannot be read.
    """
    settings = read_settings(())
    file = _read(template, settings)
    values = _values(parameters)
    account = check_account(account_id)
    request_account = _require_account
    if digests == "registries":
        dependencies = Dependencies()
        region = region or configured_region()
        request_account = partial(find_account, dependencies, partial(str, region))
        resolvers = make_resolvers(dependencies, settings, region)
    else:
        resolvers = _offline_resolvers(digests)
    settings = read_gates(settings, resolvers.gates, Deadline.after(settings.timeout))
    stack_account = StackAccount(account, request_account)
    inputs = PinningInputs(settings, values, lambda: region, stack_account, stack_name, "", resolvers)
    result = inputs.pin(file)
    if not result.report.succeeded:
        raise PinFailedError(result.report)
    pinned: JsonObject = result.answer
    text, _ = decode(file.document.apply(result.edits), file.document.name)
    return PinnedTemplate(pinned, text, result.report)


def _describe(found: LocatedFinding) -> Finding:
    finding, rule, start = found.finding, found.finding.rule, found.position
    path = str(finding.path)
    return Finding(rule.code, rule.severity.value, path, start.line, start.column, finding.cause, finding.help)


def _read(template: Template, settings: Settings) -> TemplateFile:
    if isinstance(template, os.PathLike):
        return read_template(os.fspath(template), settings.macro_name)
    text = template if isinstance(template, str) else json.dumps(template, indent=2)
    return parse_template(text.encode(), _NAME, settings.macro_name)


def _values(parameters: Parameters | None) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else list(value) for name, value in (parameters or {}).items()}


def _offline_resolvers(digests: Mapping[str, str] | os.PathLike[str]) -> Resolvers:
    if isinstance(digests, os.PathLike):
        nothing = _Offline({})
        return Resolvers(nothing, nothing, lock=replace(read_lock_file(Path(digests)), verify=False))
    if not isinstance(digests, Mapping):
        raise ConfigurationError(
            f"digests is {digests!r}", 'pass a mapping, the Path of a lock file, or digests="registries"'
        )
    offline = _Offline.of(digests)
    return Resolvers(offline, offline)


def _require_account() -> str:
    raise ConfigurationError("it is not passed", "pass account_id")


class _Offline(NamedTuple):
    """Takes digests from a mapping, and knows no value of AWS. See `DigestResolver` and `ValueResolver`."""

    digests: Mapping[ImageReference, Digest]

    @classmethod
    def of(cls, digests: Mapping[str, str]) -> _Offline:
        return cls({ImageReference.parse(image).canonical(): Digest(digest) for image, digest in digests.items()})

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:  # noqa: ARG002
        """See `DigestResolver.resolve_all`."""
        return {lookup: self._resolve(lookup.reference) for lookup in lookups}

    def _resolve(self, reference: ImageReference) -> Resolution:
        if digest := self.digests.get(reference):
            return Resolved(digest, OCI_MANIFEST, Origin("mapping", "digests"))
        return Unavailable(f"digests has no entry for {str(reference)!r}", "add the image to digests")

    def resolve_values(
        self,
        external_values: Collection[ExternalValue],
        deadline: Deadline,  # noqa: ARG002
    ) -> Mapping[ExternalValue, Answer]:
        """See `ValueResolver.resolve_values`."""
        return {value: Unknown(f"{value} is known to AWS only", _USE_REGISTRIES) for value in external_values}
