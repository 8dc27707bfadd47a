"""Reads from the configuration file what it sets for a subcommand, and rejects unknown keys and invalid values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from image_pinner.cli.configuration.defaults import FileDefaults, FileValue
from image_pinner.cli.configuration.files import ConfigurationFile
from image_pinner.cli.configuration.keys import (
    Key,
    nested_commands,
    option_keys,
    option_value,
    setting_keys,
    setting_text,
)
from image_pinner.cli.console import did_you_mean
from image_pinner.core.errors import ConfigurationError
from image_pinner.settings import SettingRule

_KINDS = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "a table"}
_HELP = "image-pinner --no-config config"
Keys = tuple[str, ...]
SETTINGS_TABLE = "settings"
"""The table of settings, which `pin` needs if there is a table `[pin]`: TOML has each key once."""


def read_defaults(
    file: ConfigurationFile, name: str, command: click.Command, subcommands: Collection[str]
) -> FileDefaults:
    """Read what a file sets for one of the `subcommands`: the settings, and its table. Other tables are not read.

    Raises:
        ConfigurationError: A key is unknown, or a value is not valid.
    """
    reader = _Reader(file)
    reader.add_settings(subcommands)
    if name in file.content and not reader.is_setting(name):
        reader.add_table((name,), file.content[name], command, reader.settings)
    return reader.defaults


class _Reader:
    """Adds what is in a file to `defaults`."""

    def __init__(self, file: ConfigurationFile) -> None:
        self.file = file
        self.settings = setting_keys()
        self.defaults = FileDefaults(file)

    def is_setting(self, name: str) -> bool:
        """Return whether a key of the file is a setting, and not a table with the same name: `pin` can be both."""
        return name in self.settings and not isinstance(self.file.content[name], dict)

    def add_settings(self, subcommands: Collection[str]) -> None:
        """Add the settings for all subcommands, from the top of the file and from the table of settings."""
        for name, value in self.file.content.items():
            if self.is_setting(name) or (name in self.settings and name not in subcommands):
                self._add_setting((name,), self.settings[name], value)
            elif name == SETTINGS_TABLE:
                self._add_table_of_settings(value)
            elif name not in subcommands:
                known = (*self.settings, *subcommands, SETTINGS_TABLE)
                raise self._unknown_key((name,), known, _HELP)

    def _add_table_of_settings(self, table: Any) -> None:
        self._check_table((SETTINGS_TABLE,), table)
        for name, value in table.items():
            if name not in self.settings:
                raise self._unknown_key((SETTINGS_TABLE, name), self.settings, _HELP)
            self._add_setting((SETTINGS_TABLE, name), self.settings[name], value)

    def add_table(self, keys: Keys, table: Any, command: click.Command, settings: Mapping[str, Key]) -> None:
        """Add the table of a subcommand: its options, its own subcommands, and settings for it alone."""
        self._check_table(keys, table)
        options, nested = option_keys(command), nested_commands(command)
        for name, value in table.items():
            path = (*keys, name)
            if name in nested:
                self.add_table(path, value, nested[name], {})
            elif name in options:
                self._add_option(path, options[name], value, command)
            elif name in settings:
                self._add_setting(path, settings[name], value)
            else:
                known = (*options, *nested, *settings)
                raise self._unknown_key(path, known, f"image-pinner {' '.join(keys)} --help")

    def _add_setting(self, path: Keys, key: Key, value: Any) -> None:
        rule = key.source
        if isinstance(rule, SettingRule):
            self._check_form(path, key, value, rule.accepts)
            try:
                self.defaults.settings[rule.variable] = FileValue(setting_text(key, value), path)
            except ConfigurationError as error:
                raise self.file.error(path, error.cause, error.help) from None

    def _add_option(self, path: Keys, key: Key, value: Any, command: click.Command) -> None:
        subcommand = " ".join(path[:-1])
        help = f"run image-pinner {subcommand} --help"
        self._check_form(path, key, value, help)
        try:
            default = option_value(key, value, command, str(Path(self.file.path).parent))
        except ConfigurationError as error:
            raise self.file.error(path, error.cause, help) from None
        self.defaults.options.setdefault(subcommand, {})[key.parameter] = FileValue(default, path)

    def _check_table(self, keys: Keys, table: Any) -> None:
        if not isinstance(table, dict):
            cause = f"{keys[-1]!r} must be a table, got {_kind(table)}"
            raise self.file.error(keys, cause, f"write [{'.'.join((*self.file.table, *keys))}]")

    def _check_form(self, path: Keys, key: Key, value: Any, help: str) -> None:
        if not key.form.accepts(value):
            raise self.file.error(path, f"{key.name!r} must be {key.form.value}, got {_kind(value)}", help)

    def _unknown_key(self, path: Keys, known: Iterable[str], command: str) -> ConfigurationError:
        where = f" in [{'.'.join((*self.file.table, *path[:-1]))}]" if path[:-1] else ""
        cause = f"unknown key {path[-1]!r}{where}{did_you_mean(path[-1], known)}"
        return self.file.error(path, cause, f"run {command}")


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a date or time")
