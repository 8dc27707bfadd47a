"""`image-pinner completion`."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from image_pinner.cli.console import write_output


@click.command
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes subcommands, options and files in a shell.

    \b
    bash: add to ~/.bashrc:  eval "$(image-pinner completion bash)"
    zsh:  add to ~/.zshrc:   eval "$(image-pinner completion zsh)"
    fish: run image-pinner completion fish > ~/.config/fish/completions/image-pinner.fish
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with this character
    completion = get_completion_class(shell)
    if completion is None:
        raise click.BadParameter(f"click has no completion for {shell}")
    script = completion(context.find_root().command, {}, "image-pinner", "_IMAGE_PINNER_COMPLETE")
    # Its own `source` for bash runs bash to check the version, which need not be the bash that reads the script.
    write_output(ShellComplete.source(script).encode())
