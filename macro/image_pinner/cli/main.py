"""The command `image-pinner`."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from image_pinner import __version__
from image_pinner.cli.configuration.apply import apply_configuration
from image_pinner.cli.console import Dependencies, ExitCode, did_you_mean, print_error
from image_pinner.cli.parameter_files import separate_overrides
from image_pinner.core.errors import ImagePinnerError, SourceError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_OBJECTS_PER_COLLECTION = 100_000
SUBCOMMANDS = {
    "pin": "Pin the images of a template to digests.",
    "update": "Update the digests of images that have a tag and a digest.",
    "lock": "Record the digests of images in a lock file, for promotion.",
    "check": "Report unpinned images and invalid markers. Works offline.",
    "rules": "List the rules of check, or explain one.",
    "config": "Show the effective configuration and where each value is from.",
    "diff": "Show which images a deployment would change.",
    "expand": "Process a template with CloudFormation, and check the result.",
    "gate": "Judge the images of a template by the configured gates.",
    "invoke": "Run the macro on a recorded event.",
    "demo": "Run the macro against an in-process mock of AWS.",
    "install": "Install the macro in an account and region, or in an organization.",
    "upgrade": "Upgrade an installed macro.",
    "uninstall": "Uninstall the macro unless a stack still uses it.",
    "status": "Show installed versions and health.",
    "completion": "Print the completion script of a shell.",
}


class Subcommands(click.Group):
    """The subcommands; the module of each is imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a subcommand."""
        if name not in SUBCOMMANDS:
            return None
        command: click.Command = importlib.import_module(f"image_pinner.cli.commands.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Import the subcommand of a command line, and apply the configuration file to it."""
        if args[0] not in SUBCOMMANDS:
            ctx.fail(f"unknown subcommand {args[0]!r}{did_you_mean(args[0], SUBCOMMANDS)}")
        name, found, arguments = super().resolve_command(ctx, separate_overrides(args))
        if name and found and not ctx.resilient_parsing and not _needs_no_configuration(ctx, name, arguments):
            apply_configuration(ctx, name, found)
        return name, found, arguments

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Complete the name of a subcommand without importing one, or an option of the command."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only completion needs it

        items = [CompletionItem(name, help=text) for name, text in SUBCOMMANDS.items() if name.startswith(incomplete)]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """List the subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


def _needs_no_configuration(ctx: click.Context, name: str, arguments: list[str]) -> bool:
    """Return whether a subcommand must work even if the configuration file is not valid."""
    options = takewhile(lambda argument: argument != "--", arguments)
    return name == "completion" or not set(ctx.help_option_names).isdisjoint(options)


@click.command(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="image-pinner")
@click.option(
    "--config",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Configuration file.  [default: image-pinner.toml, or pyproject.toml with [tool.image-pinner], here or above]",
)
@click.option("--no-config", is_flag=True, help="Read no configuration file.")
def command(config: str | None, no_config: bool) -> None:  # noqa: FBT001 - see `apply_configuration`
    """Pin container images in CloudFormation templates to digests.

    Exit codes: 0 success; 1 findings; 2 usage error or unreadable input; 3 a lookup failed; 4 a policy denied an image;
    130 interrupted.
    """


def main(arguments: list[str] | None = None, *, dependencies: Dependencies | None = None) -> None:
    """Run the command and exit. `arguments` are those of the process by default."""
    # Importing a subcommand creates objects that live as long as the process. Searching them for garbage took a tenth
    # of a run that pins from a lock file, measured in November 2026.
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    _replace_closed_streams()
    sys.exit(_run(arguments, dependencies or Dependencies()))


def _replace_closed_streams() -> None:
    """Connect the standard streams that the caller closed, which Python sets to `None`, to the null device."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - open until the process ends


def _run(arguments: list[str] | None, dependencies: Dependencies) -> int:
    try:
        command.main(arguments, prog_name="image-pinner", obj=dependencies, standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        _print_usage_error(error)
    except (click.Abort, KeyboardInterrupt):
        print_error("interrupted")
        return ExitCode.INTERRUPTED
    except ImagePinnerError as error:
        print_error(error.cause, error.help)
        if isinstance(error, SourceError):
            return ExitCode.LOOKUP_FAILED
    except Exception:  # noqa: BLE001 - Python would exit with 1, which means findings
        sys.excepthook(*sys.exc_info())
        print_error("internal error", "please report it with the traceback above")
    else:
        return ExitCode.DONE
    return ExitCode.USAGE_ERROR


def _print_usage_error(error: click.ClickException) -> None:
    # click 8.1 prints the help itself if there are no arguments.
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        error.show()
        return
    context = getattr(error, "ctx", None)
    # click repeats the values of a missing argument, one per line.
    cause = error.format_message().partition(". Choose from")[0].rstrip(".")
    help = f"run {context.command_path if context else 'image-pinner'} --help"
    if isinstance(error, click.NoSuchOption):
        cause = f"unknown option {error.option_name!r}{did_you_mean(error.option_name, error.possibilities or ())}"
        if error.option_name in {"--config", "--no-config"}:
            cause, help = f"{error.option_name} is not an option of a subcommand", "write it before the subcommand"
    print_error(cause[:1].lower() + cause[1:], help)
