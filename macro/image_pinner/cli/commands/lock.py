"""`image-pinner lock` and `image-pinner lock publish`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from image_pinner.cli.console import Dependencies, ExitCode, print_line, print_messages, progress, write_output
from image_pinner.cli.discovery import find_templates
from image_pinner.cli.inputs import TemplateFile, write_file
from image_pinner.cli.lock_files import DEFAULT_NAME, find_lock_file
from image_pinner.cli.locking import Relocked, Updates, relock
from image_pinner.cli.output import LocatedReport, exit_code, pin_report
from image_pinner.cli.pinning_options import PinningInputs, pinning_options
from image_pinner.core.errors import ConfigurationError, InvalidReferenceError
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.images.references import ImageReference
from image_pinner.core.lock_text import render_lock
from image_pinner.core.report import PinReport
from image_pinner.pinning import ResolvedImages, judge, make_report, plan_images
from image_pinner.sources.interface import Deadline

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Options = Mapping[str, Any]
_ALL = "*"
_PUBLISH = "publish"


class _LockCommand(click.Command):
    """`lock TEMPLATE...`, with the subcommand `lock publish`."""

    @property
    def commands(self) -> dict[str, click.Command]:
        """The subcommands."""
        return {_PUBLISH: publish}

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Create the context of `lock`, or of its subcommand if that is the first argument."""
        if args[:1] == [_PUBLISH]:
            return publish.make_context(f"{info_name} {_PUBLISH}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the subcommand."""
        with formatter.section("Commands"):
            formatter.write_dl([(_PUBLISH, publish.get_short_help_str(80))])


def _complete_template_or_subcommand(
    ctx: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - the same
    incomplete: str,
) -> list[CompletionItem[Any]]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only completion needs it

    is_subcommand = incomplete and _PUBLISH.startswith(incomplete)
    return [CompletionItem(_PUBLISH)] if is_subcommand else [CompletionItem(incomplete, type="file")]


@click.command(cls=_LockCommand)
@click.argument(
    "templates",
    nargs=-1,
    required=True,
    type=click.Path(readable=False),
    metavar="TEMPLATE...",
    shell_complete=_complete_template_or_subcommand,
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=DEFAULT_NAME,
    show_default=True,
    help="The lock file, which is created or changed.",
)
@click.option(
    "--update",
    "updates",
    is_flag=False,
    flag_value=_ALL,
    multiple=True,
    metavar="[IMAGE]",
    help="Resolve all entries again, or only those of IMAGE, a tag or a repository (repeatable). Held ones stay.",
)
@click.option("--check", is_flag=True, help="Write nothing; report entries that are out of date, missing or unused.")
@pinning_options
@click.pass_obj
def command(dependencies: Dependencies, /, **options: Any) -> None:
    """Record the digests of the images of TEMPLATEs in a lock file.

    TEMPLATE is a YAML or JSON file, a directory, a pattern such as 'templates/*.yaml', or - for standard input.

    Entries that the templates still need stay as they are, missing ones are added, and unused ones are removed,
    unless they are held. `pin
    --lock` and the option Lock of the macro take digests from the file. If one image cannot be resolved, nothing is
    written. With --check, the exit code is 1 if there are findings.
    """
    updates = _parse_updates(options)
    inputs = PinningInputs.read(options, dependencies)
    lock = find_lock_file(options["output"])
    templates = [inputs.read_template(file.path) for file in find_templates(options["templates"]).files]
    inputs.check_values(templates)
    with progress("resolving digests"):
        deadline = Deadline.after(inputs.settings.timeout)
        planned = [_plan(template, inputs, deadline) for template in templates]
        lookups = list(dict.fromkeys(lookup for template in planned for lookup in template.plan.lookups))

        def resolve(wanted: Sequence[ImageLookup]) -> Mapping[ImageLookup, Resolution]:
            return inputs.resolvers.digests.resolve_all(wanted, deadline)

        relocked = relock(lock, lookups, updates, resolve, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        reports = [
            _report(template._replace(resolutions=relocked.resolutions), inputs, deadline) for template in planned
        ]
    for template, report in zip(templates, reports, strict=True):
        print_messages(pin_report.render_report(LocatedReport(template.document, report), "lock file"))
    print_messages(inputs.account.describe())
    code = exit_code(PinReport(problems=tuple(problem for report in reports for problem in report.problems)))
    if code is ExitCode.DONE:
        code = _finish_check(relocked) if options["check"] else _write(relocked, updates, options["output"])
    sys.exit(code)


def _parse_updates(options: Options) -> Updates:
    values = options["updates"]
    if options["check"] and values:
        raise ConfigurationError("--check cannot be used with --update", "omit one of them")
    if options["check"] or _ALL in values:
        return Updates(all=True)
    for value in values:
        if Path(value).is_file():
            raise ConfigurationError(
                f"--update is followed by the template {value}, not by an image",
                "write --update after the templates",
            )
    try:
        return Updates(images=tuple(ImageReference.parse(value).canonical() for value in values))
    except InvalidReferenceError as error:
        raise click.BadParameter(str(error), param_hint="--update") from None


def _plan(template: TemplateFile, inputs: PinningInputs, deadline: Deadline) -> ResolvedImages:
    return plan_images(
        template.fragment,
        inputs.scope(template),
        inputs.settings,
        inputs.resolvers.values,
        deadline,
    )


def _report(resolved: ResolvedImages, inputs: PinningInputs, deadline: Deadline) -> PinReport:
    return make_report(resolved.found, judge(resolved, inputs.settings, inputs.resolvers.facts, deadline))


def _finish_check(relocked: Relocked) -> ExitCode:
    findings = list(_find(relocked))
    write_output("".join(f"{line}\n" for line in findings).encode())
    return ExitCode.FINDINGS if findings else ExitCode.DONE


def _find(relocked: Relocked) -> Iterator[str]:
    """Yield the findings of `--check`, each with a line of help."""
    where = relocked.lock.location
    for entry in relocked.added:
        yield f"{where}: missing: {entry.key} has no entry"
        yield "help: run image-pinner lock"
    for entry in relocked.removed:
        yield f"{where}: unused: no template uses {entry.key}"
        yield "help: run image-pinner lock"
    for old, new in relocked.updated:
        yield f"{where}: out of date: {old.key} is locked to {old.digest}, and resolves to {new.digest}"
        yield "help: run image-pinner lock with --update, or hold the entry"
    for entry in relocked.held:
        if entry.has_expired(relocked.lock.today):
            yield f"{where}: hold expired: {entry.expired_hold()}"
            yield "help: remove hold, reason and until from the entry, or set a later day"


def _write(relocked: Relocked, updates: Updates, output: Path) -> ExitCode:
    for entry in relocked.held:
        hold = f"it is held until {entry.until} ({entry.reason})"
        if entry.key not in relocked.used:
            print_messages(f"warning: {entry.key} is kept, although no template uses it: {hold}")
        elif updates.include(entry.key):
            print_messages(f"warning: {entry.key} is not updated: {hold}")
    for entry in relocked.added:
        print_line(f"added {entry.key}: {entry.digest}")
    for old, new in relocked.updated:
        print_line(f"updated {old.key}: {old.digest} -> {new.digest}")
    for entry in relocked.removed:
        print_line(f"removed {entry.key}")
    data = render_lock(relocked.lock).encode()
    if not output.is_file() or output.read_bytes() != data:
        write_file(output, data)
    return ExitCode.DONE


@click.command
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--ssm", default="", metavar="/NAME", help="Publish to this parameter of the Parameter Store.")
@click.option("--s3", default="", metavar="BUCKET/KEY", help="Publish to this object in a bucket of the account.")
@click.option("--sse-kms-key", "key", default="", metavar="KEY", help="With --s3: encrypt with this KMS key.")
@click.option("--force", is_flag=True, help="Overwrite newer digests and holds, or what is not a lock file.")
@click.option("--region", default="", help="AWS region.  [default: that of the AWS configuration]")
@click.option("--profile", default="", metavar="NAME", help="Profile of the AWS configuration.")
@click.pass_obj
def publish(dependencies: Dependencies, /, **options: Any) -> None:
    """Publish the lock FILE where the option Lock of the macro reads it.

    Later digests, and holds that have not expired, are not overwritten or removed.
    """
    # Imported here because `lock` itself does not need AWS.
    from image_pinner.cli.lock_publishing import publish_lock  # noqa: PLC0415

    publish_lock(dependencies, options)
