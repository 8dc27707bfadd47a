"""What the configuration file sets for the running subcommand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from image_pinner.cli.configuration.files import ConfigurationFile

CONTEXT_KEY = "image_pinner.cli.configuration"
"""Where the context of click has the `FileDefaults`."""


class SettingOption(click.Option):
    """An option that takes precedence over a setting. The configuration file has only the setting."""


class RunOption(click.Option):
    """An option that the configuration file does not have, since each run decides on it.

    Pipelines run `check` on untrusted files, so a file must not let it write files or make requests.
    """


class FileValue(NamedTuple):
    """A value in the configuration file: the text of a setting or the default of an option, and its keys."""

    value: Any
    keys: tuple[str, ...]


class FileDefaults:
    """What a configuration file, if there is one, sets for a subcommand."""

    def __init__(self, file: ConfigurationFile | None = None) -> None:
        self.file = file
        self.settings: dict[str, FileValue] = {}
        """The texts of settings, by environment variable."""
        self.options: dict[str, dict[str, FileValue]] = {}
        """The defaults of options, by subcommand (`lock`, `lock publish`) and parameter."""

    def environment(self) -> dict[str, str]:
        """Return the environment of the process over the settings of the file. Empty variables count as not set."""
        own = {name: text for name, text in os.environ.items() if text.strip() or name not in self.settings}
        return {**{name: value.value for name, value in self.settings.items()}, **own}


def applied_defaults() -> FileDefaults:
    """Return what the configuration file sets for the running subcommand."""
    context = click.get_current_context(silent=True)
    found = context.meta.get(CONTEXT_KEY) if context else None
    return found if isinstance(found, FileDefaults) else FileDefaults()
