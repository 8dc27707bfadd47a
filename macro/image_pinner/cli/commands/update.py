"""`image-pinner update`."""

from __future__ import annotations

import sys
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
from image_pinner.cli.documents import SourceDocument, write_all
from image_pinner.cli.inputs import STANDARD_INPUT, TemplateFile
from image_pinner.cli.output import LocatedReport, exit_code, pin_report
from image_pinner.cli.pinning_options import PinningInputs, pinning_options
from image_pinner.core.decision import PinPlan, make_plan
from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.outcomes import Pinned
from image_pinner.core.report import PinReport
from image_pinner.core.template.edits import Replace
from image_pinner.core.template.problems import in_order
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.sites import SkipStatus
from image_pinner.pinning import FoundImages, ResolvedImages, judge
from image_pinner.sources.interface import Deadline


@click.command
@click.argument("templates", nargs=-1, required=True, type=click.Path(readable=False), metavar="TEMPLATE...")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 1 if a digest is out of date.")
@pinning_options
@click.pass_obj
def command(dependencies: Dependencies, /, templates: tuple[str, ...], check: bool, **options: Any) -> None:  # noqa: FBT001
    """Update the digests of images that have a tag and a digest.

    Each image that is written as repository:tag@sha256:… in a TEMPLATE, marked or not, gets the digest that its tag
    points to now. TEMPLATE is a YAML or JSON file, a directory, or a pattern such as 'templates/*.yaml'; everything but
    these digests stays as it is, byte for byte. If one image cannot be resolved, no template is written. Images in a
    resource with Pin: Skip are not updated.
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
    edits: tuple[Replace, ...] = ()
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
    sites = tuple(
        (
            site._replace(reference=site.reference.without_digest(), options=site.options._replace(when_missing=None)),
            lookup,
        )
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
    edits, lines = [], []
    for (site, _), outcome in zip(file.plan.sites, decision.outcomes, strict=True):
        new = outcome.resolved if isinstance(outcome, Pinned) else None
        old = site.reference.digest
        if new is None or old in (new.digest, new.origin.index):
            continue
        edits.append(Replace(site.path, site.node.value.replace(str(old), str(new.digest))))
        where = f"{document.name}:{document.position(site.path)}: {site.path}"
        lines.append(f"{where}: {site.reference} -> {new.digest}")
    return _Update(document, report, tuple(edits), tuple(lines), document.apply(edits))


def _summarize(updates: Sequence[_Update], *, check: bool) -> None:
    for update in updates:
        if not update.report.outcomes:
            print_line(f"{update.document.name} has no image with a tag and a digest.")
    images = sum(len(update.report.outcomes) for update in updates)
    outdated = sum(len(update.edits) for update in updates)
    if images:
        verb = "Found outdated digests of" if check else "Updated"
        print_line(f"{verb} {_count(outdated)} ({images - outdated} up to date).")
    skipped = [image for update in updates for image in update.report.skipped if image.status is SkipStatus.PINNED]
    if skipped:
        print_line(f"Skipped {_count(len(skipped))} with a digest and no tag, or not written as plain text.")
    if check and outdated:
        print_messages("help: run image-pinner update without --check")


def _count(number: int) -> str:
    return f"{number} image" if number == 1 else f"{number} images"
