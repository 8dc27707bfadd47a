"""The command `image-pinner`: its verbs, loaded when they are called, and its exit codes."""

from __future__ import annotations

import importlib
import sys

import click

from image_pinner import __version__
from image_pinner.cli.console import ExitCode, say, say_error
from image_pinner.core.errors import ImagePinnerError, SourceError

SUBCOMMANDS = {
    "pin": "Print a template with its images pinned, or write it.",
    "check": "List images that are not pinned, or marked in a wrong way. Asks nobody.",
    "invoke": "Answer a recorded macro event as the Lambda would.",
    "demo": "Show the main job on an AWS that runs in this process.",
    "install": "Install the macro into an account and region, or bring it up to date.",
    "upgrade": "Bring an installed macro up to date.",
    "uninstall": "Take the macro away, unless templates of stacks name it.",
    "status": "Tell what is installed where, and how it fares.",
}


class Subcommands(click.Group):
    """The verbs of the command; a verb's module is loaded when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the verbs in the order in which people meet them."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a verb."""
        if name not in SUBCOMMANDS:
            return None
        module = importlib.import_module(f"image_pinner.cli.commands.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        """Write the list of verbs without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUBCOMMANDS.items()))


@click.command(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="image-pinner")
def command() -> None:
    """Pin the container images of CloudFormation templates to digests.

    Exit codes: 0 done; 1 findings; 2 wrong use or unreadable input; 3 a look-up failed; 4 a policy denied.
    """


def main(arguments: list[str] | None = None, *, resolvers: object = None) -> None:
    """Run the command and end the process.

    Args:
        arguments: The arguments behind the command's name; those of the process by default.
        resolvers: A `ResolverFactory` that stands in for AWS and the registries, for tests and experiments.
    """
    try:
        command.main(arguments, prog_name="image-pinner", obj=resolvers, standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE_ERROR)
    except click.Abort:
        sys.exit(ExitCode.USAGE_ERROR)
    except ImagePinnerError as error:
        say_error(error)
        sys.exit(ExitCode.LOOKUP_FAILED if isinstance(error, SourceError) else ExitCode.USAGE_ERROR)
    except Exception:  # noqa: BLE001 - Python's own code for it is 1, which a script would take for findings
        sys.excepthook(*sys.exc_info())
        say("image-pinner: this is a defect of image-pinner. Report it with the lines above.", style="red")
        sys.exit(ExitCode.USAGE_ERROR)
    sys.exit(ExitCode.DONE)
