"""`image-pinner check`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.baseline import Baseline
from image_pinner.cli.checking import CheckInputs, check_files
from image_pinner.cli.configuration.defaults import RunOption
from image_pinner.cli.console import Dependencies, ExitCode, print_messages
from image_pinner.cli.discovery import FoundTemplates, find_templates
from image_pinner.cli.fix_options import FixRun, fix_files, fix_options, is_fixing
from image_pinner.cli.inputs import (
    ACCOUNT_OPTION,
    IMAGE_PATH_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OPTION,
    PARAMETER_OVERRIDES_OPTION,
    STANDARD_INPUT,
    check_account,
    check_output,
    read_parameters,
    read_settings,
)
from image_pinner.cli.output import CheckResult, LocatedFinding
from image_pinner.cli.output.interface import count
from image_pinner.cli.output.text import printable
from image_pinner.cli.report_options import report_options, write_report
from image_pinner.cli.rule_selection import IGNORE_OPTION, SELECT_OPTION, SEVERITY_OPTION, RuleSelection
from image_pinner.cli.worker_processes import default_workers
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.rules import UNREADABLE_TEMPLATE
from image_pinner.settings import Settings

Options = Mapping[str, Any]


@click.command
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(readable=False))
@click.option("--stdin-filename", metavar="NAME", help="With -: the name of standard input in the output.")
@click.option("--since", metavar="REV", help="Check only files that changed since this revision, according to Git.")
@SELECT_OPTION
@IGNORE_OPTION
@SEVERITY_OPTION
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Accept the findings in this file, and report its entries that no longer occur.",
)
@click.option(
    "--update-baseline",
    cls=RunOption,
    is_flag=True,
    help="Create the file of --baseline with all findings, or remove entries that no longer occur.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 although there are findings.")
@click.option("-q", "--quiet", is_flag=True, help="Omit the summary.")
@click.option("--statistics", is_flag=True, help="Show the number of findings of each rule.")
@click.option("--verbose", is_flag=True, help="List files and directories that are skipped, with the reason.")
@click.option("--workers", type=click.IntRange(1, 64), help="Number of processes.  [default: up to one per processor]")
@PARAMETER_OPTION
@PARAMETER_FILES_OPTION
@PARAMETER_OVERRIDES_OPTION
@click.option("--region", default="", help="AWS region of the stack, for AWS::Region.")
@ACCOUNT_OPTION
@IMAGE_PATH_OPTION
@report_options
@fix_options
@click.pass_obj
def command(dependencies: Dependencies, /, paths: tuple[str, ...], **options: Any) -> None:
    """Report unpinned images and invalid markers in templates, without network requests.

    PATH is a YAML or JSON file, a directory, a pattern such as 'templates/**/*.yaml', or - for standard input; the
    default is the working directory. In directories, templates are found by their content, and what Git ignores is
    skipped. An image passes if it has a digest, or if it is marked in a form that CloudFormation accepts.

    The exit code is 1 if there are findings, and 2 if a file cannot be read as a template.

    --fix writes the fixed template to standard output if it was read from standard input, and --diff the difference;
    the findings that are left are then written to standard error. Only --pin makes network requests.
    """
    fixing = is_fixing(options)
    selection = RuleSelection.parse(options["select"], options["ignore"], options["severity"])
    inputs = read_inputs(options, selection)
    baseline = _read_baseline(options)
    templates = _find(paths, options)
    check_output(
        options["output"], [str(options["baseline"] or STANDARD_INPUT), *(file.path for file in templates.files)]
    )
    fixes = fix_files(templates.files, inputs, options, dependencies) if fixing else FixRun()
    workers = 1 if STANDARD_INPUT in paths else options["workers"] or default_workers(len(templates.files))
    counting = inputs._replace(is_counted=selection.hides)
    found = fixes.findings if fixing else tuple(check_files(templates.files, counting, workers))
    hidden = sum(selection.hides(each.finding.rule) and not each.suppression for each in found)
    found = tuple(each for each in found if not selection.hides(each.finding.rule))
    suppressed = tuple(each for each in found if each.suppression)
    findings = tuple(each for each in found if not each.suppression)
    is_stale = False
    if baseline:
        findings, is_stale = _apply_baseline(
            baseline, findings, templates, selection, update=options["update_baseline"]
        )
    elif options["update_baseline"]:
        findings = _create_baseline(findings, options)
    files = tuple(file.name for file in templates.files)
    result = CheckResult(findings, files, fixes.fixed, fixes.changed, options["diff"], suppressed, hidden)
    write_report(result, options, output_is_taken=fixes.output_is_taken)
    if not options["quiet"]:
        print_messages(_describe_unjudged(inputs.settings))
    code = _exit_code(findings, is_stale=is_stale)
    code = code if code is ExitCode.USAGE_ERROR else fixes.code or code
    sys.exit(ExitCode.DONE if code is ExitCode.FINDINGS and options["exit_zero"] else code)


def read_inputs(options: Options, selection: RuleSelection) -> CheckInputs:
    """Return what the options of `check`, the environment and the configuration file set for all templates.

    Raises:
        ConfigurationError: A setting or an option is not valid.
        UnreadableTemplateError: The values of parameters cannot be read.
    """
    check_account(options["account"])
    return CheckInputs(
        read_settings(options["image_paths"]),
        read_parameters(options["files"], options["pairs"], options["overrides"]),
        options["region"],
        options["account"],
        selection.includes,
    )


def _describe_unjudged(settings: Settings) -> str:
    """Return which configured gates need requests, so that nothing is found of them, or empty."""
    gates = settings.options.gates.enabled if settings.options.gates else ()
    names = [f"gate {enabled.gate.id}" for enabled in gates if enabled.gate.needs]
    if settings.gates_parameter:
        names.append(f"the gates in the SSM parameter {settings.gates_parameter}")
    if not names:
        return ""
    return f"warning: check works offline and does not judge {', '.join(names)}\nhelp: run image-pinner gate\n"


def _find(paths: tuple[str, ...], options: Options) -> FoundTemplates:
    name = options["stdin_filename"]
    if name is not None and STANDARD_INPUT not in paths:
        raise ConfigurationError("--stdin-filename needs standard input", "pass - as a path, or omit the option")
    changed = None
    if options["since"] is not None:
        # Imported here because only this option runs Git.
        from image_pinner.cli.changed_files import changed_since  # noqa: PLC0415

        changed = changed_since(options["since"], paths)
    templates = find_templates(paths or (".",), stdin_name=name or "standard input", changed=changed)
    if options["verbose"]:
        print_messages("".join(f"skipped {name}: {reason}\n" for name, reason in templates.skipped))
    return templates


def _read_baseline(options: Options) -> Baseline | None:
    """Read the baseline; `None` if there is none, or if it is to be created."""
    path, update = options["baseline"], options["update_baseline"]
    if not path:
        if update:
            raise ConfigurationError("--update-baseline needs --baseline", "pass --baseline FILE")
        return None
    if path.exists():
        return Baseline.read(path)
    if update:
        return None
    raise ConfigurationError(
        f"the baseline {path} does not exist", "pass --update-baseline to create it with all current findings"
    )


def _create_baseline(findings: tuple[LocatedFinding, ...], options: Options) -> tuple[LocatedFinding, ...]:
    """Write a baseline with findings; return those that it cannot accept."""
    baseline = Baseline.of(options["baseline"], findings)
    baseline.write()
    if not options["quiet"]:
        accepted = count(baseline.entries.total(), "finding")
        print_messages(f"Accepted {accepted} in {printable(str(baseline.path))}.")
    return _unreadable(findings)


def _apply_baseline(
    baseline: Baseline,
    findings: Iterable[LocatedFinding],
    templates: FoundTemplates,
    selection: RuleSelection,
    *,
    update: bool,
) -> tuple[tuple[LocatedFinding, ...], bool]:
    """Return the findings that are not in the baseline, and whether entries that no longer occur are left in it."""
    findings = tuple(findings)
    unreadable = {found.file for found in _unreadable(findings)}
    checked = [file.name for file in templates.files if file.name not in unreadable]
    comparison = baseline.compare(findings, checked, selection.codes)
    stale = comparison.stale
    if stale and update:
        baseline._replace(entries=comparison.remaining).write()
    elif stale:
        lines = [printable(f"  {entry.file}: {entry.code} {entry.path}: {entry.cause}") for entry in stale]
        print_messages(
            f"error: {baseline.path} has entries that no longer occur ({stale.total()})\n"
            + "".join(f"{line}\n" for line in lines)
            + "help: remove them with --update-baseline"
        )
    return comparison.new, bool(stale) and not update


def _unreadable(findings: Iterable[LocatedFinding]) -> tuple[LocatedFinding, ...]:
    return tuple(found for found in findings if found.finding.rule == UNREADABLE_TEMPLATE)


def _exit_code(findings: tuple[LocatedFinding, ...], *, is_stale: bool) -> ExitCode:
    if _unreadable(findings):
        return ExitCode.USAGE_ERROR
    return ExitCode.FINDINGS if findings or is_stale else ExitCode.DONE
