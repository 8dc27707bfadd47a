"""`image-pinner diff`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from image_pinner.cli.comparison import FORMATS, Comparison
from image_pinner.cli.console import Dependencies, ExitCode, print_messages, progress, write_output
from image_pinner.cli.deployment.session import AwsEnvironment
from image_pinner.cli.image_details import EcrImageDetails, ImageDetailsSource
from image_pinner.cli.inputs import STANDARD_INPUT, TemplateFile
from image_pinner.cli.lock_files import read_lock_file
from image_pinner.cli.output import LocatedReport, exit_code, pin_report
from image_pinner.cli.pinning_options import PinningInputs, StackAccount, pinning_options
from image_pinner.cli.stack_template import StackTemplate, read_stack_template
from image_pinner.core.comparison import (
    ImageList,
    TemplateImage,
    compare_images,
    find_effects,
    list_images,
    plan_running_lookups,
)
from image_pinner.core.decision import make_plan
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.lock import LockFile
from image_pinner.core.outcomes import Pinned
from image_pinner.core.report import PinReport
from image_pinner.core.template.paths import TemplatePath
from image_pinner.pinning import PinResult
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.interface import Deadline

Options = Mapping[str, Any]


@click.command(short_help="Show which images a deployment would change.")
@click.argument("template", type=click.Path(readable=False))
@click.option("--stack", default="", metavar="NAME", help="Compare with what this stack deployed, and with what runs.")
@click.option(
    "--against",
    default="",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Compare with another template, pinned or not.",
)
@click.option(
    "--lock",
    "lock_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare with the digests in this lock file.",
)
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="text", help="Output format.")
@pinning_options
@click.pass_obj
def command(dependencies: Dependencies, /, format_: str, **options: Any) -> None:
    """Show which images of TEMPLATE a deployment would change, from which digest to which.

    TEMPLATE is a YAML or JSON file, or - for standard input. Its images are resolved as `pin` does; nothing is written
    or deployed. Without --stack, --against or --lock, they are compared with those that the template has before it is
    pinned. With --stack, parameters that are not set have the values of the stack.

    For images in ECR, all tags that point at a digest and its age are shown. The exit code is 1 if an image would
    change.
    """
    _check_combinations(options)
    inputs = PinningInputs.read(options, dependencies)
    comparison = _compare(inputs, options, dependencies)
    write_output(FORMATS[format_].render(comparison).encode())
    for report in comparison.failed:
        print_messages(pin_report.render_report(report, "comparison"))
    print_messages(inputs.account.describe())
    if comparison.failed:
        problems = tuple(problem for report in comparison.failed for problem in report.report.problems)
        sys.exit(exit_code(PinReport(problems=problems)))
    sys.exit(ExitCode.FINDINGS if comparison.changed else ExitCode.DONE)


def _check_combinations(options: Options) -> None:
    chosen = [name for name in ("stack", "against", "lock_file") if options[name]]
    if len(chosen) > 1:
        names = " and ".join(f"--{name.removesuffix('_file')}" for name in chosen)
        raise ConfigurationError(f"{names} cannot be used together", "pass one of them")
    if options["template"] == options["against"] == STANDARD_INPUT:
        raise ConfigurationError("standard input cannot be both templates", "pass a file")


class _Side(NamedTuple):
    """One side of a comparison: a template as it is deployed, and its images."""

    tree: JsonObject
    images: ImageList


def _compare(inputs: PinningInputs, options: Options, dependencies: Dependencies) -> Comparison:
    template = inputs.read_template(options["template"])
    others = [inputs.read_template(options["against"])] if options["against"] else []
    inputs.check_values([template, *others])
    stack = _read_stack(inputs, options, dependencies)
    lock = read_lock_file(options["lock_file"]) if options["lock_file"] else None
    if stack:
        inputs = _in_stack(inputs, stack, options)
    with progress("resolving digests"):
        results = [(each, _pin(inputs, each)) for each in (template, *others)]
    comparison = Comparison(template.document, _describe_base(options, stack), _now(dependencies))
    reports = [LocatedReport(each.document, result.report) for each, result in results]
    if any(not report.report.succeeded for report in reports):
        return comparison._replace(failed=tuple(report for report in reports if not report.report.succeeded))
    for report in reports:
        print_messages(pin_report.render_report(report))
    new, *other_sides = [_pinned_side(inputs, each, result) for each, result in results]
    if stack:
        old = _deployed_side(inputs, stack)
    elif other_sides:
        old = other_sides[0]
    else:
        old = _Side(new.tree, ImageList(tuple(_before(new.images.images, reports[0].report, lock))))
    details = dependencies.image_details or EcrImageDetails(inputs.settings, inputs.find_region(), AwsClients())
    return _complete(comparison, old, new, details, Deadline.after(inputs.settings.timeout))


def _complete(
    comparison: Comparison, old: _Side, new: _Side, source: ImageDetailsSource, deadline: Deadline
) -> Comparison:
    changes = compare_images(old.images, new.images)
    described = [side.described for change in changes for side in change if side]
    with progress("reading tags"):
        details = source.read_details(list(dict.fromkeys(filter(None, described))), deadline)
    return comparison._replace(
        changes=changes,
        effects=find_effects(changes, old.tree, new.tree, Budget()),
        hidden={**old.images.hidden, **new.images.hidden},
        details=details,
    )


def _read_stack(inputs: PinningInputs, options: Options, dependencies: Dependencies) -> StackTemplate | None:
    if not options["stack"]:
        return None
    # Imported here because the other comparisons do not need AWS.
    from image_pinner.cli.deployment.aws import AwsApi  # noqa: PLC0415
    from image_pinner.cli.deployment_options import find_environment  # noqa: PLC0415

    region = inputs.find_region()
    if not region:
        raise ConfigurationError("AWS region is unknown", "pass --region or set AWS_REGION")
    with progress("reading the stack"):
        return read_stack_template(AwsApi(find_environment(dependencies, "").clients), region, options["stack"])


def _in_stack(inputs: PinningInputs, stack: StackTemplate, options: Options) -> PinningInputs:
    """Return the inputs with the name, the account and the parameters of a stack, unless options set them."""
    given = {name: value for name, value in inputs.values.items() if value is not None}
    return inputs._replace(
        values={**inputs.values, **stack.given, **given},
        stack_name=inputs.stack_name or stack.name,
        account=inputs.account if options["account"] else StackAccount(stack.account, str),
    )


def _pin(inputs: PinningInputs, template: TemplateFile) -> PinResult:
    """Pin a template with the values of its own parameters."""
    declared = template.scope({}).parameters
    values = {name: value for name, value in inputs.values.items() if name in declared}
    return inputs._replace(values=values).pin(template)


def _pinned_side(inputs: PinningInputs, template: TemplateFile, result: PinResult) -> _Side:
    """Return a pinned template and its images, with what was found out about them."""
    outcomes = {outcome.site.path: outcome for outcome in result.report.outcomes if isinstance(outcome, Pinned)}
    listed = list_images(result.answer, inputs.scope(template), inputs.settings.image_paths)
    images = tuple(
        image._replace(
            written=image.written or outcome.recorded,
            index_digest=outcome.resolved.origin.index if outcome.resolved else None,
        )
        if (outcome := outcomes.get(image.path))
        else image
        for image in listed.images
    )
    return _Side(result.answer, listed._replace(images=images))


def _deployed_side(inputs: PinningInputs, stack: StackTemplate) -> _Side:
    """Return the template of a stack and its images, with what runs instead of each."""
    listed = list_images(stack.tree, stack.scope(), inputs.settings.image_paths)
    lookups = plan_running_lookups(listed.images, stack.tree, stack.name, Budget())
    with progress("reading what runs"):
        deadline = Deadline.after(inputs.settings.timeout)
        wanted = list(dict.fromkeys(lookups.values()))
        states = inputs.resolvers.deployed.read_deployed(wanted, deadline) if wanted else {}
    images = tuple(
        image._replace(running=states[lookups[image.path]]) if image.path in lookups else image
        for image in listed.images
    )
    return _Side(stack.tree, listed._replace(images=images))


def _before(images: Iterable[TemplateImage], report: PinReport, lock: LockFile | None) -> Iterator[TemplateImage]:
    """Yield images as the template has them before it is pinned, or with the digests of a lock file."""
    before: dict[TemplatePath, tuple[str, Digest | None] | None] = {
        outcome.site.path: (str(outcome.site.reference), None) for outcome in report.outcomes
    }
    for site, lookup in make_plan(outcome.site for outcome in report.outcomes).sites if lock else ():
        entry = lock.entry_for(lookup) if lock and lookup else None
        if lookup:
            before[site.path] = (site.reference.pinned(entry.digest), entry.index) if entry else None
    for image in images:
        found = before.get(image.path, (image.text, image.index_digest))
        if found:
            yield image._replace(text=found[0], index_digest=found[1])


def _describe_base(options: Options, stack: StackTemplate | None) -> str:
    if stack:
        return f"stack {stack.name} in {stack.region}"
    if options["against"]:
        return str(options["against"]) if options["against"] != STANDARD_INPUT else "standard input"
    return f"lock file {options['lock_file']}" if options["lock_file"] else "the template before it is pinned"


def _now(dependencies: Dependencies) -> float:
    return dependencies.aws.now() if isinstance(dependencies.aws, AwsEnvironment) else time.time()
