"""What the verbs about installing share: whom they ask, whom they tell, and how several regions end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import click

from image_pinner.cli.console import ExitCode, error_stream, has_colour, say
from image_pinner.cli.dependencies import Dependencies
from image_pinner.cli.deployment.aws_access import Asker, ClientFactory, NobodySignedIn
from image_pinner.cli.deployment.requests import Outcome
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.cli.deployment.uninstalling import StillNeeded
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.errors import aws_client_faults, explain

STACK_NAME = "image-pinner"
_CODES = {
    Outcome.DONE: ExitCode.DONE,
    Outcome.UNCHANGED: ExitCode.DONE,
    Outcome.SHOWN: ExitCode.DONE,
    Outcome.DECLINED: ExitCode.USAGE_ERROR,
}


class Outside(NamedTuple):
    """The AWS that is asked, and the time.

    Args:
        clients: Gives clients.
        region: The region where none is named, or empty.
        now: Gives the seconds since 1970.
        sleep: Waits for some seconds.
    """

    clients: ClientFactory
    region: str
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def outside_of(given: object, profile: str) -> Outside:
    """Give the AWS to ask.

    Args:
        given: What stands in for it, or None.
        profile: The profile that the user named, or empty.

    Returns:
        The AWS.

    Raises:
        ConfigurationError: The profile cannot be used.
    """
    if isinstance(given, Dependencies) and isinstance(given.aws, Outside):
        return given.aws
    import boto3  # noqa: PLC0415 - `--help` must not wait for it

    try:
        session = boto3.Session(profile_name=profile or None)
        return Outside(AwsClients(lambda: session), session.region_name or "")
    except aws_client_faults() as error:
        cause, help = explain(error, "the AWS account")
        raise ConfigurationError(cause, help) from error


def regions_of(named: tuple[str, ...], outside: Outside) -> tuple[str, ...]:
    """Give the regions to work in, each once.

    Raises:
        ConfigurationError: There is none.
    """
    regions = tuple(dict.fromkeys(named or (outside.region,)))
    if not all(regions):
        raise ConfigurationError("no region is known", "Give --region, or set AWS_REGION")
    return regions


class Terminal:
    """Tells whoever runs the command, and asks where there is somebody to answer.

    Args:
        yes: Whether every question is answered with yes.
    """

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes

    def line(self, text: str, style: str = "") -> None:
        """Write a line to the error stream."""
        say(text, style=style)

    @contextmanager
    def live(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show a text that changes, on a terminal only."""
        stream = error_stream()
        if not stream.isatty():
            yield lambda _: None
            return
        # Loaded here: only a terminal needs it.
        from rich.console import Console  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        with Console(file=stream, no_color=not has_colour(stream)).status(Text(text)) as status:
            yield lambda new: status.update(Text(new))

    def agrees(self, lookup: str) -> bool:
        """Ask, on the error stream."""
        return self._yes or click.confirm(lookup, err=True)


def see_that_somebody_answers(*, yes: bool, dry_run: bool) -> None:
    """Stop before anything is begun, where a question would come that nobody answers.

    Raises:
        ConfigurationError: There is nobody.
    """
    if not yes and not dry_run and not (sys.stdin.isatty() and error_stream().isatty()):
        raise ConfigurationError(
            "nobody can be asked here whether to go on, since this is no terminal",
            "Give --yes to go on without a question, or --dry-run to look only",
        )


def surroundings_of(outside: Outside, *, yes: bool) -> Surroundings:
    """Give the work its surroundings."""
    return Surroundings(Asker(outside.clients), Terminal(yes=yes), outside.now, outside.sleep)


def in_each(regions: tuple[str, ...], work: Callable[[str], Outcome]) -> ExitCode:
    """Do the work in one region after another; one that fails does not keep the others from their turn.

    Args:
        regions: The regions.
        work: Does it in a region.

    Returns:
        The gravest exit code.

    Raises:
        NobodySignedIn: No region can be asked.
    """
    ends: dict[str, tuple[ExitCode, str]] = {}
    for region in regions:
        try:
            outcome = work(region)
            ends[region] = (_CODES[outcome], outcome.value)
        except NobodySignedIn:
            raise
        except ImagePinnerError as error:
            say(f"image-pinner: {region}: {error.diagnostics()}", style="red")
            ends[region] = (code_of(error), "failed")
    if len(regions) > 1:
        for region, (code, told) in ends.items():
            say(f"{region}: {told}", style="red" if code else "green")
    return max(code for code, _ in ends.values())


def code_of(error: ImagePinnerError) -> ExitCode:
    """Give the exit code for an error."""
    if isinstance(error, StillNeeded):
        return ExitCode.FINDINGS
    return ExitCode.LOOKUP_FAILED if isinstance(error, SourceError) else ExitCode.USAGE_ERROR


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def with_options(*options: Decorator) -> Decorator:
    """Give a command several options, in the order in which help shows them."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


WHERE = (
    click.option("--region", "regions", multiple=True, metavar="REGION", help="Where; repeatable, in turn."),
    click.option("--profile", default="", metavar="NAME", help="The profile of the AWS configuration."),
    click.option("--stack-name", default=STACK_NAME, show_default=True, metavar="NAME", help="The macro's stack."),
)
"""Options of all of these verbs."""
CONSENT = (
    click.option("--yes", is_flag=True, help="Go on without asking."),
    click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing."),
)
"""Options of the verbs that change something."""
