"""The options of `install`, `upgrade`, `status` and `uninstall`, and how these subcommands run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import click

from image_pinner import __version__
from image_pinner.cli.aws_configuration import explained_configuration
from image_pinner.cli.configuration.defaults import RunOption
from image_pinner.cli.console import (
    Dependencies,
    ExitCode,
    error_stream,
    print_error,
    print_line,
    print_messages,
    progress,
)
from image_pinner.cli.deployment.aws import AwsApi, NotSignedInError
from image_pinner.cli.deployment.code import Code, carried_code, code_from
from image_pinner.cli.deployment.install import install
from image_pinner.cli.deployment.parameters import (
    macro_template,
    organization_template,
    validate_parameters,
)
from image_pinner.cli.deployment.plan import InstallRequest
from image_pinner.cli.deployment.session import AwsEnvironment, DeploymentOutcome, DeploymentSession
from image_pinner.cli.deployment.uninstall import MacroInUseError
from image_pinner.cli.parameter_files import parse_pairs
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.sources.aws.clients import AwsClients

_STACK_NAME = "image-pinner"
_ORGANIZATION_STACK_NAME = "image-pinner-organization"
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[!-~]+", re.ASCII)
_EXIT_CODES = {
    DeploymentOutcome.DONE: ExitCode.DONE,
    DeploymentOutcome.UNCHANGED: ExitCode.DONE,
    DeploymentOutcome.DRY_RUN: ExitCode.DONE,
    DeploymentOutcome.DECLINED: ExitCode.USAGE_ERROR,
}
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def with_options(*options: Decorator) -> Decorator:
    """Add several options to a command, in the order in which its help shows them."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


COMMON_OPTIONS = (
    click.option(
        "--region", "regions", multiple=True, metavar="REGION", help="AWS region (repeatable; processed in order)."
    ),
    click.option("--profile", default="", metavar="NAME", help="Profile of the AWS configuration."),
    click.option(
        "--stack-name",
        default="",
        metavar="NAME",
        help=f"Stack name.  [default: {_STACK_NAME}, or {_ORGANIZATION_STACK_NAME} with --organization]",
    ),
    click.option(
        "--organization", is_flag=True, help="Use the stack that installs the macro in accounts of the organization."
    ),
)
"""Options of all these subcommands."""
CONFIRMATION_OPTIONS = (
    click.option("--yes", cls=RunOption, is_flag=True, help="Do not prompt for confirmation."),
    click.option("--dry-run", is_flag=True, help="Show what would be done without doing it."),
)
"""Options of the subcommands that change something."""
INSTALL_OPTIONS = with_options(
    *COMMON_OPTIONS,
    click.option(
        "--organizational-unit",
        "units",
        multiple=True,
        metavar="ID",
        help="With --organization: ID of an organizational unit or root (repeatable).",
    ),
    click.option(
        "--target-region",
        "target_regions",
        multiple=True,
        metavar="REGION",
        help="With --organization: region to install the macro in (repeatable).  [default: the stack's region]",
    ),
    click.option("--macro-name", default="", metavar="NAME", help="Name that templates use in Transform."),
    click.option(
        "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="Template parameter value (repeatable)."
    ),
    click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the stack (repeatable)."),
    click.option(
        "--bucket", default="", metavar="NAME", help="Existing bucket for the code.  [default: a bucket is created]"
    ),
    click.option(
        "--package",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Zip to install, with its manifest next to it.  [default: the zip in this installation]",
    ),
    click.option("--role-arn", default="", metavar="ARN", help="CloudFormation service role."),
    click.option(
        "--permissions-boundary", default="", metavar="ARN", help="Permissions boundary of the function's role."
    ),
    click.option(
        "--termination-protection/--no-termination-protection",
        "protected",
        default=None,
        help="Termination protection of the stack.  [default: on for a new stack]",
    ),
    click.option("--replace-failed", is_flag=True, help="Delete a stack left in ROLLBACK_COMPLETE first."),
    *CONFIRMATION_OPTIONS,
)
"""Options of `install` and `upgrade`."""


class TerminalConsole:
    """A console on the error stream. `yes` confirms every prompt. See `Console`."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes

    def print(self, text: str, style: str = "") -> None:
        """See `Console`."""
        print_line(text, style=style)

    def progress(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """See `Console`."""
        return progress(text)

    def confirm(self, prompt: str) -> bool:
        """See `Console`."""
        answers = {"y": True, "yes": True, "": False, "n": False, "no": False}
        while not self._yes:
            answer = click.prompt(f"{prompt} [y/N]", default="", show_default=False, err=True).strip().lower()
            if answer in answers:
                return answers[answer]
            print_error(f"{answer!r} is neither yes nor no", "type y or n")
        return True


def open_session(environment: AwsEnvironment, *, yes: bool) -> DeploymentSession:
    """Return a session in an environment that reports to the terminal."""
    return DeploymentSession(AwsApi(environment.clients), TerminalConsole(yes=yes), environment.now, environment.sleep)


def find_environment(given: Dependencies, profile: str) -> AwsEnvironment:
    """Return the AWS environment of the process, or that of `given` if a test passes one."""
    if isinstance(given.aws, AwsEnvironment):
        return given.aws
    from image_pinner.sources.aws.sessions import default_session  # noqa: PLC0415 - `--help` does not need it

    with explained_configuration():
        session = default_session(profile)
        # Unlike the AWS CLI, boto3 does not read AWS_REGION.
        # https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html
        region = os.environ.get("AWS_REGION") or session.region_name or ""
        return AwsEnvironment(AwsClients(lambda: session), region)


def choose_regions(options: Mapping[str, Any], environment: AwsEnvironment) -> tuple[str, ...]:
    """Return the regions to work in, each once.

    Raises:
        ConfigurationError: The region is unknown, or the stack of an organization has more than one.
    """
    regions = tuple(dict.fromkeys(options["regions"] or (environment.region,)))
    if not all(regions):
        raise ConfigurationError("AWS region is unknown", "pass --region or set AWS_REGION")
    if options["organization"] and len(regions) > 1:
        raise ConfigurationError(
            "the stack of an organization is in one region, and --region is set more than once",
            "pass --region once, and --target-region for each region to install the macro in",
        )
    return regions


def choose_stack_name(options: Mapping[str, Any]) -> str:
    """Return the name of the stack: `--stack-name`, or the default."""
    default = _ORGANIZATION_STACK_NAME if options["organization"] else _STACK_NAME
    return str(options["stack_name"] or default)


def validate_role(role_arn: str) -> None:
    """Raise `ConfigurationError` if the value of --role-arn is neither empty nor the ARN of a role."""
    if role_arn and not _ROLE_ARN.fullmatch(role_arn):
        raise ConfigurationError(
            f"--role-arn {role_arn!r} is not the ARN of a role", "pass arn:aws:iam::ACCOUNT:role/NAME"
        )


def require_confirmation(options: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` if a prompt could not be answered, before anything is done."""
    confirmed = options["yes"] or options["dry_run"]
    if not confirmed and not (sys.stdin.isatty() and error_stream().isatty()):
        raise ConfigurationError("not a terminal", "pass --yes to continue or --dry-run to preview")


def run_in_regions(regions: tuple[str, ...], work: Callable[[str], DeploymentOutcome]) -> ExitCode:
    """Run `work` in one region after the other, even if one fails, and return the highest exit code.

    Raises `NotSignedInError`, since it would be the same in every region.
    """
    results: dict[str, tuple[ExitCode, str]] = {}
    for region in regions:
        try:
            outcome = work(region)
            results[region] = (_EXIT_CODES[outcome], outcome.value)
        except NotSignedInError:
            raise
        except ImagePinnerError as error:
            report_error(region, error)
            results[region] = (exit_code_for(error), "failed")
    if len(regions) > 1:
        for region, (code, word) in results.items():
            print_line(f"{region}: {word}", style="red" if code else "green")
    return max(code for code, _ in results.values())


def report_error(region: str, error: ImagePinnerError) -> None:
    """Print an error of one region."""
    print_error(f"{region}: {error.cause}", error.help)


def exit_code_for(error: ImagePinnerError) -> ExitCode:
    """Return the exit code of an error."""
    if isinstance(error, MacroInUseError):
        return ExitCode.FINDINGS
    return ExitCode.LOOKUP_FAILED if isinstance(error, SourceError) else ExitCode.USAGE_ERROR


def run_install(given: Dependencies, options: Mapping[str, Any], *, must_exist: bool) -> ExitCode:
    """Install, or upgrade if `must_exist`, as the options specify; `given` is the environment of a test."""
    _check_combinations(options)
    require_confirmation(options)
    environment = find_environment(given, options["profile"])
    regions = choose_regions(options, environment)
    request = _build_request(options, must_exist=must_exist)
    session = open_session(environment, yes=options["yes"])
    return run_in_regions(regions, partial(install, session, request=request))


def _check_combinations(options: Mapping[str, Any]) -> None:
    for name, values in (("--organizational-unit", options["units"]), ("--target-region", options["target_regions"])):
        if values and not options["organization"]:
            raise ConfigurationError(f"{name} requires --organization", f"pass --organization, or omit {name}")
    validate_role(options["role_arn"])


def _build_request(options: Mapping[str, Any], *, must_exist: bool) -> InstallRequest:
    macro = macro_template()
    organization = organization_template() if options["organization"] else None
    parameters = _parameters(options)
    validate_parameters((organization or macro).parameters, parameters, macro.settings)
    tags = dict(_split_tag(pair) for pair in options["tags"])
    return InstallRequest(
        _find_code(options),
        macro,
        choose_stack_name(options),
        organization=organization,
        parameters=parameters,
        tags=tags,
        bucket=options["bucket"],
        role_arn=options["role_arn"],
        protected=options["protected"],
        must_exist=must_exist,
        replace_failed=options["replace_failed"],
        dry_run=options["dry_run"],
    )


def _parameters(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameter values of the command line; some have an option of their own."""
    named = {
        "MacroName": options["macro_name"],
        "PermissionsBoundaryArn": options["permissions_boundary"],
        "OrganizationalUnitIds": ",".join(dict.fromkeys(options["units"])),
        "Regions": ",".join(dict.fromkeys(options["target_regions"])),
    }
    return parse_pairs(options["pairs"]) | {name: value for name, value in named.items() if value}


def _split_tag(pair: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not key or not equals:
        raise ConfigurationError(f"--tag {pair!r} is not KEY=VALUE", "pass --tag KEY=VALUE")
    return key, value


def _find_code(options: Mapping[str, Any]) -> Code:
    if options["package"]:
        code = code_from(options["package"])
        if code.version != __version__:
            print_line(
                f"warning: the package is ImagePinner {code.version}, the template is {__version__}", style="yellow"
            )
    else:
        code = carried_code()
    if not code.is_compiled:
        print_messages(
            "warning: the package has no compiled files: a cold start takes about 0.7 s instead of 0.3 s\n"
            "help: install CPython 3.13, then run make package\n"
        )
    return code
