"""Applies the configuration file to a subcommand: option, then environment variable, then file, then default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from image_pinner.cli.configuration.defaults import CONTEXT_KEY
from image_pinner.core.errors import ConfigurationError

if TYPE_CHECKING:
    from image_pinner.cli.configuration.files import ConfigurationFile


def apply_configuration(context: click.Context, name: str, command: click.Command) -> None:
    """Make the configuration file the defaults of a subcommand; `context` is that of the group.

    Raises:
        ConfigurationError: A key is unknown, or a value is not valid.
    """
    file = _find_file(context)
    if file is None:
        return
    # Imported here because most runs have no file.
    from image_pinner.cli.configuration.reader import read_defaults  # noqa: PLC0415

    group = context.command
    defaults = read_defaults(
        file, name, command, group.list_commands(context) if isinstance(group, click.Group) else ()
    )
    context.meta[CONTEXT_KEY] = defaults
    context.default_map = {
        subcommand: {parameter: value.value for parameter, value in values.items()}
        for subcommand, values in defaults.options.items()
    }


def _find_file(context: click.Context) -> ConfigurationFile | None:
    path, is_off = context.params.get("config"), context.params.get("no_config")
    if path is not None and is_off:
        raise ConfigurationError("--config cannot be used with --no-config", "omit one of them")
    # Imported here because completion and --help do not need it.
    from image_pinner.cli.configuration.files import find_configuration_file, read_configuration_file  # noqa: PLC0415

    if path is not None:
        return read_configuration_file(path)
    return None if is_off else find_configuration_file()
