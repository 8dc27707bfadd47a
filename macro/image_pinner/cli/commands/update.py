"""`image-pinner update`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.console import (
    Dependencies,
    ExitCode,
    print_error,
    print_line,
    print_messages,
    progress,
    write_output,
)
from image_pinner.cli.discovery import find_templates
from image_pinner.cli.documents import InPlaceEditError, SourceDocument, TextEdit, write_all
from image_pinner.cli.inputs import STANDARD_INPUT, TemplateFile, parse_template
from image_pinner.cli.output import LocatedReport, exit_code, pin_report
from image_pinner.cli.output.interface import count
from image_pinner.cli.pinning_options import PinningInputs, pinning_options
from image_pinner.core.decision import PinPlan, make_plan
from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.outcomes import Pinned
from image_pinner.core.report import PinReport
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import in_order
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import SkipStatus
from image_pinner.core.template.tagged_digests import digest_path
from image_pinner.pinning import FoundImages, ResolvedImages, judge
from image_pinner.sources.interface import Deadline


@click.command
@click.argument("templates", nargs=-1, required=True, type=click.Path(readable=False), metavar="TEMPLATE...")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if a digest is out of date.")
@pinning_options
@click.pass_obj
def command(dependencies: Dependencies, /, templates: tuple[str, ...], check: bool, **options: Any) -> None:  # noqa: FBT001
    """Update the digests of images that have a tag and a digest.

    Each image repository:tag@sha256:… in a TEMPLATE, marked or not, gets the digest that its tag points to now, if
    its digest is written in its property, also in a function such as Fn::Sub. TEMPLATE is a YAML or JSON file, a
    directory, or a pattern such as 'templates/*.yaml'; everything but these digests stays as it is, byte for byte. If
    one image cannot be resolved, no template is written. Images in a resource with Pin: Skip are not updated.
    """
    if STANDARD_INPUT in templates and not check:
        raise ConfigurationError("cannot update standard input in place", "pass a file, or --check")
    inputs = PinningInputs.read(options, dependencies)
    files, readable = _read_files((file.path for file in find_templates(templates).files), inputs)
    if readable:
        inputs.check_values([file.template for file in files])
    with progress("resolving digests"):
        deadline = Deadline.after(inputs.settings.timeout)
        resolutions = _resolve([file.plan for file in files], inputs, deadline)
        updates = [_update(file, resolutions, inputs, deadline) for file in files]
    print_messages(
        "".join(pin_report.render_report(update.located_report) for update in updates) + inputs.account.describe()
    )
    codes = [exit_code(update.report) for update in updates] + ([] if readable else [ExitCode.USAGE_ERROR])
    if code := max(codes, default=ExitCode.DONE):
        sys.exit(code)
    outdated = [update for update in updates if update.edits]
    if not check:
        write_all({Path(update.document.name): update.data for update in outdated})
    write_output("".join(f"{line}\n" for update in updates for line in update.lines).encode())
    _summarize(updates, check=check)
    sys.exit(ExitCode.FINDINGS if check and outdated else ExitCode.DONE)


@dataclass(frozen=True, slots=True)
class _File:
    """A template with the images to update, and the lookups of their tags."""

    template: TemplateFile
    found: FoundImages
    plan: PinPlan


@dataclass(frozen=True, slots=True)
class _Update:
    """The new digests of a template, as edits and as lines to print.

    Args:
        document: The template.
        report: What happened to its images.
        edits: The edits that change outdated digests.
        lines: The old and the new digest of each.
        data: The content of the updated file.
    """

    document: SourceDocument
    report: PinReport
    edits: tuple[TextEdit, ...] = ()
    lines: tuple[str, ...] = ()
    data: bytes = b""

    @property
    def located_report(self) -> LocatedReport:
        """The report with the positions of its images."""
        return LocatedReport(self.document, self.report)


def _read_files(names: Iterable[str], inputs: PinningInputs) -> tuple[list[_File], bool]:
    """Read all templates; return also whether all of them are readable."""
    files, readable = [], True
    for name in names:
        try:
            files.append(_find_images(inputs.read_template(name), inputs))
        except ImagePinnerError as error:
            print_error(error.cause, error.help)
            readable = False
    return files, readable


def _find_images(template: TemplateFile, inputs: PinningInputs) -> _File:
    scope = inputs.scope(template)
    scan_settings = inputs.settings.scan_settings._replace(find_tagged_digests=True)
    scan: ImageScan = template.fragment.find_images(scope, scan_settings)
    found = FoundImages(scope, scan, tuple(scan.problems))
    return _File(template, found, make_plan(scan.pinned, gates=found.gates))


def _resolve(plans: Iterable[PinPlan], inputs: PinningInputs, deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
    """Look up the tags of all templates at once."""
    lookups = list(dict.fromkeys(lookup for plan in plans for lookup in plan.lookups))
    return inputs.resolvers.digests.resolve_all(lookups, deadline) if lookups else {}


def _update(
    file: _File, resolutions: Mapping[ImageLookup, Resolution], inputs: PinningInputs, deadline: Deadline
) -> _Update:
    """Decide on the images as if they were written without their digests."""
    document, settings = file.template.document, inputs.settings
    # An image with a digest is neither kept nor without one.
    ignored = {"when_missing": None, "refresh": None}
    sites = tuple(
        (site._replace(reference=site.reference.without_digest(), options=site.options._replace(**ignored)), lookup)
        for site, lookup in file.plan.sites
    )
    # The other images are not skipped by the template, but by this command.
    found = file.found._replace(scan=replace(file.found.scan, skipped=[]))
    resolved = ResolvedImages(found, file.plan._replace(sites=sites), resolutions)
    decision = judge(resolved, settings, inputs.resolvers.facts, deadline)
    problems = in_order((*file.found.problems, *decision.problems))
    report = PinReport(
        decision.outcomes, tuple(file.found.scan.skipped), problems, decision.failed, gates=decision.gates
    )
    if problems:
        return _Update(document, report)
    edits, lines, references = [], [], _references(file)
    for (site, _), outcome in zip(file.plan.sites, decision.outcomes, strict=True):
        new = outcome.resolved if isinstance(outcome, Pinned) else None
        old = site.reference.digest
        path = digest_path(site.node, old) if old else None
        if new is None or old is None or path is None or old in (new.digest, new.origin.index):
            continue
        edits.append(TextEdit(path, str(old), str(new.digest)))
        references[site.path] = str(site.reference).replace(str(old), str(new.digest))
        where = f"{document.name}:{document.position(site.path)}: {site.path}"
        lines.append(f"{where}: {site.reference} -> {new.digest}")
    data = document.apply_to_texts(edits)
    _check_updated(file, data, references, inputs)
    return _Update(document, report, tuple(edits), tuple(lines), data)


def _references(file: _File) -> dict[TemplatePath, str]:
    """Return every image with its path, as far as it is known."""
    images = {site.path: str(site.reference) for site in file.found.scan.pinned}
    return images | {image.path: image.written for image in file.found.scan.skipped}


def _check_updated(file: _File, data: bytes, references: Mapping[TemplatePath, str], inputs: PinningInputs) -> None:
    """Read the updated file again, and check its images: an alias can share the text of one that must stay.

    Raises:
        InPlaceEditError: An image is not as expected.
    """
    document = file.template.document
    if data == document.data:
        return
    updated = _find_images(parse_template(data, document.name, inputs.settings.macro_name, inputs.pin_option), inputs)
    for path, reference in _references(updated).items():
        if reference != references.get(path):
            raise InPlaceEditError(
                f"{document.name}:{document.position(path)}: cannot update {path}: an alias or a function shares the"
                " digest with an image that must keep it, or must have another one",
                "write the image in full in place of the alias or function",
            )


def _summarize(updates: Sequence[_Update], *, check: bool) -> None:
    for update in updates:
        if not update.report.outcomes and not _skipped(update):
            print_line(f"{update.document.name} has no image with a tag and a digest.")
    images = sum(len(update.report.outcomes) for update in updates)
    outdated = sum(len(update.edits) for update in updates)
    if images:
        outcome = "Found outdated digests of" if check else "Updated"
        print_line(f"{outcome} {count(outdated, 'image')} ({images - outdated} up to date).")
    for reason, number in Counter(reason for update in updates for reason in _skipped(update)).items():
        print_line(f"Skipped {count(number, 'image')}: {reason}.")
    if check and outdated:
        print_messages("help: run image-pinner update without --check")


def _skipped(update: _Update) -> list[str]:
    """Return for each image with a digest that is not updated why not."""
    return [image.reason for image in update.report.skipped if image.status is SkipStatus.PINNED]
