"""The keys of the configuration file, derived from the settings and from the options of subcommands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

import click

from image_pinner.cli.configuration.defaults import RunOption, SettingOption
from image_pinner.core.errors import HIDDEN, ConfigurationError
from image_pinner.settings import PREFIX, SETTING_RULES, SettingRule, Settings, check_setting

_SEPARATOR = ";"
_NONE = "none"
_PARAMETER_VALUES = "NAME=VALUE"


class Form(Enum):
    """The form of a value, as messages describe it."""

    BOOLEAN = "true or false"
    INTEGER = "an integer"
    NUMBER = "a number"
    STRING = "a string"
    LIST = "a list of strings"
    ENTRIES = "a table of strings, or a list of strings"

    def accepts(self, value: Any) -> bool:
        """Return whether a value of TOML has the form."""
        match self:
            case Form.BOOLEAN:
                return isinstance(value, bool)
            case Form.INTEGER:
                return isinstance(value, int) and not isinstance(value, bool)
            case Form.NUMBER:
                return isinstance(value, int | float) and not isinstance(value, bool)
            case Form.STRING:
                return isinstance(value, str)
            case Form.LIST:
                return isinstance(value, list) and all(isinstance(item, str) for item in value)
            case Form.ENTRIES:
                return Form.LIST.accepts(value) or (
                    isinstance(value, dict)
                    and all(isinstance(item, str | int) or Form.ENTRIES.accepts(item) for item in value.values())
                )


class Key(NamedTuple):
    """A key of the configuration file.

    Args:
        name: The name in kebab case.
        form: The form of its value.
        meaning: A sentence for the documentation.
        source: The setting, or the option of a subcommand.
    """

    name: str
    form: Form
    meaning: str
    source: SettingRule | click.Option

    @property
    def parameter(self) -> str:
        """The parameter of click, if the key is an option."""
        return str(self.source.name) if isinstance(self.source, click.Option) else ""


def setting_keys() -> dict[str, Key]:
    """Return the keys of the settings: the names of the environment variables without prefix, in kebab case."""
    keys = (
        Key(rule.variable.removeprefix(PREFIX).lower().replace("_", "-"), _form_of_setting(rule), rule.meaning, rule)
        for rule in SETTING_RULES
    )
    return {key.name: key for key in keys}


def option_keys(command: click.Command) -> dict[str, Key]:
    """Return the keys of the options of a subcommand: the names of the options without hyphens at the beginning."""
    options = [option for option in command.params if isinstance(option, click.Option) and option.expose_value]
    keys = (option_key(option) for option in options if not isinstance(option, RunOption | SettingOption))
    return {key.name: key for key in keys}


def option_key(option: click.Option) -> Key:
    """Return the key of an option."""
    return Key(max(option.opts, key=len).lstrip("-"), _form_of_option(option), option.help or "", option)


def nested_commands(command: click.Command) -> Mapping[str, click.Command]:
    """Return the subcommands of a subcommand; most have none."""
    found: Mapping[str, click.Command] = getattr(command, "commands", {})
    return found


def setting_text(key: Key, value: Any) -> str:
    """Return a value of a setting as the text of its environment variable.

    Raises:
        ConfigurationError: The value is not valid. The message does not repeat it, since it may contain a password.
    """
    rule = key.source
    if not isinstance(rule, SettingRule):
        raise TypeError(key.name)
    match value:
        case bool():
            text = str(value).lower()
        case list() | dict():
            entries = _entries(value)
            if any(_SEPARATOR in entry or "\n" in entry for entry in entries):
                raise ConfigurationError(f"invalid {key.name}", rule.accepts)
            # `none` is how a variable overrides a default that is not empty.
            text = _SEPARATOR.join(entries) or (_NONE if default_of(rule) else "")
        case _:
            text = str(value)
    if text.strip():
        try:
            check_setting(rule.variable, text.strip())
        except ConfigurationError as error:
            raise ConfigurationError(error.cause.replace(rule.variable, key.name), error.help) from None
    return text


def option_value(key: Key, value: Any, command: click.Command, directory: str) -> Any:
    """Return a value of an option as click's default; relative paths become relative to `directory`.

    Raises:
        ConfigurationError: The value is not valid.
    """
    option = key.source
    if not isinstance(option, click.Option):
        raise TypeError(key.name)
    values: Any = _entries(value) if isinstance(value, list | dict) else value
    if isinstance(option.type, click.Path) or option.metavar == "FILE":
        values = [_move(item, directory) for item in values] if isinstance(values, list) else _move(values, directory)
    try:
        option.type_cast_value(click.Context(command), values)
    except click.BadParameter as error:
        raise ConfigurationError(f"invalid {key.name}: {error.message.rstrip('.')}") from None
    return values


def default_of(rule: SettingRule) -> Any:
    """Return the default of a setting; `None` for an option of templates."""
    return getattr(Settings(), rule.field) if rule.field else None


def shown_text(key: Key, text: str) -> Any:
    """Return the text of an environment variable as a value for output, without what may be secret."""
    match key.form:
        case Form.BOOLEAN:
            return text.lower() == "true"
        case Form.INTEGER:
            return int(text)
        case Form.NUMBER:
            return float(text)
        case Form.STRING:
            return text
        case Form.LIST | Form.ENTRIES:
            entries = [entry.strip() for entry in text.replace(_SEPARATOR, "\n").splitlines() if entry.strip()]
            hide = isinstance(key.source, SettingRule) and key.source.confidential
            shown = [_hide_value(entry) if hide else entry for entry in entries]
            return [] if shown == [_NONE] else shown


def shown_option(key: Key, value: Any) -> Any:
    """Return a value of an option for output; the values of parameters may be secret."""
    option = key.source
    if isinstance(option, click.Option) and str(option.metavar).startswith(_PARAMETER_VALUES):
        return [_hide_value(item) for item in value or ()]
    return value


def _hide_value(entry: str) -> str:
    return f"{entry.partition('=')[0]}={HIDDEN}"


def _entries(value: list[str] | dict[str, Any]) -> list[str]:
    """Return the entries `name=value` of a table. A list has one for each item; names in a table are `outer.inner`."""
    if isinstance(value, list):
        return value
    entries: list[str] = []
    for name, item in value.items():
        if isinstance(item, dict):
            # The name alone is not a valid entry: a table without entries would set nothing, not even turn on a gate.
            entries += [f"{name}.{entry}" for entry in _entries(item)] or [name]
        else:
            items = item if isinstance(item, list) else [item]
            entries += [f"{name}={str(one).lower() if isinstance(one, bool) else one}" for one in items]
    return entries


def _move(path: str, directory: str) -> str:
    if path == "-":
        return path
    start, scheme, file_path = path.rpartition("file://")
    return f"{start}{scheme}{os.path.normpath(os.path.join(directory, file_path))}"  # noqa: PTH118 - `-` and `:` stay as they are


def _form_of_setting(rule: SettingRule) -> Form:
    if "=" in rule.accepts:
        return Form.ENTRIES
    forms: dict[type, Form] = {bool: Form.BOOLEAN, int: Form.INTEGER, float: Form.NUMBER, tuple: Form.LIST}
    return forms.get(type(default_of(rule)), Form.STRING)


def _form_of_option(option: click.Option) -> Form:
    if option.is_flag:
        return Form.BOOLEAN
    if option.multiple or option.nargs != 1:
        return Form.ENTRIES if "=" in str(option.metavar) else Form.LIST
    if option.count or isinstance(option.type, click.types.IntParamType):
        return Form.INTEGER
    return Form.NUMBER if isinstance(option.type, click.types.FloatParamType) else Form.STRING
