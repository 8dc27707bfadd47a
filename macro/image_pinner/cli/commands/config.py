"""`image-pinner config`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from image_pinner.cli.configuration.defaults import FileDefaults, SettingOption, applied_defaults
from image_pinner.cli.configuration.keys import (
    Key,
    default_of,
    nested_commands,
    option_key,
    option_keys,
    setting_keys,
    shown_option,
    shown_text,
)
from image_pinner.cli.configuration.reader import read_defaults
from image_pinner.cli.console import write_output
from image_pinner.settings import SettingRule, Settings

CONFIG_VERSION = 1


class EffectiveValue(NamedTuple):
    """A value and where it is from.

    Args:
        value: The value; `None` if it is not set.
        source: `default`, `file`, `environment` or `option`.
        location: The line of the file, the environment variable or the option; empty for a default.
    """

    value: Any
    source: str = "default"
    location: str = ""


Values = dict[str, EffectiveValue]
"""Values by key."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="Output format.")
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[SUBCOMMAND [OPTIONS]]",
    shell_complete=lambda context, _, incomplete: _group(context.find_root()).shell_complete(context, incomplete),
)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...], format_: str) -> None:
    """Show the effective settings and where each is from: default, file, environment variable or option.

    With SUBCOMMAND, its options are shown too, and the settings that the file has for it alone. Without it, the options
    that the file sets for any subcommand. The whole file is checked. Values that may be secret are hidden.
    """
    root = context.find_root()
    file = applied_defaults().file
    commands = _subcommands(root)
    # Reading the tables of all subcommands checks them.
    tables = {name: read_defaults(file, name, found, commands) for name, found in commands.items()} if file else {}
    if arguments:
        defaults, options = _read_command_line(root, list(arguments))
    else:
        defaults = read_defaults(file, "", root.command, commands) if file else FileDefaults()
        options = {}
        for name, table in tables.items():
            options |= _options_of_file(name, commands[name], table)
    Settings.from_environment(defaults.environment())
    settings = {name: _effective_setting(key, defaults) for name, key in setting_keys().items()}
    render = _render_json if format_ == "json" else _render_text
    write_output(render(file.path if file else None, settings, options).encode())


def _subcommands(root: click.Context) -> dict[str, click.Command]:
    group = _group(root)
    return {name: found for name in group.list_commands(root) if (found := group.get_command(root, name))}


def _group(root: click.Context) -> click.Group:
    if not isinstance(root.command, click.Group):
        raise TypeError(root.command)
    return root.command


def _read_command_line(root: click.Context, arguments: list[str]) -> tuple[FileDefaults, dict[str, Values]]:
    """Return what the file sets for a subcommand, and the values of its options as if it ran."""
    name, found, words = _group(root).resolve_command(root, arguments)
    defaults = applied_defaults()
    if found is None or name is None:
        return defaults, {}
    while words and words[0] in nested_commands(found):
        found, name, words = nested_commands(found)[words[0]], f"{name} {words[0]}", words[1:]
    context = click.Context(found, root, name)
    parsed, _, _ = found.make_parser(context).parse_args(words)
    values: Values = {}
    for option in found.params:
        if isinstance(option, click.Option) and option.expose_value:
            with suppress(click.MissingParameter):
                option.handle_parse_result(context, parsed, [])
            key = option_key(option)
            from_file = defaults.options.get(name, {}).get(key.parameter)
            value = shown_option(key, _plain(context.params.get(key.parameter)))
            if context.get_parameter_source(key.parameter) is ParameterSource.COMMANDLINE:
                values[key.name] = EffectiveValue(value, "option", max(option.opts, key=len))
            elif from_file and defaults.file:
                values[key.name] = EffectiveValue(value, "file", defaults.file.location(from_file.keys))
            elif not isinstance(option, SettingOption):
                values[key.name] = EffectiveValue(value)
    return defaults, {name: values}


def _options_of_file(name: str, found: click.Command, defaults: FileDefaults) -> dict[str, Values]:
    """Return the options that the file sets for a subcommand and for its own subcommands."""
    commands = {name: found, **{f"{name} {below}": nested for below, nested in nested_commands(found).items()}}
    by_parameter = {one: {key.parameter: key for key in option_keys(commands[one]).values()} for one in commands}
    return {
        one: {
            by_parameter[one][parameter].name: EffectiveValue(
                shown_option(by_parameter[one][parameter], value.value),
                "file",
                defaults.file.location(value.keys) if defaults.file else "",
            )
            for parameter, value in values.items()
        }
        for one, values in defaults.options.items()
    }


def _effective_setting(key: Key, defaults: FileDefaults) -> EffectiveValue:
    rule = key.source
    if not isinstance(rule, SettingRule):
        raise TypeError(key.name)
    text = os.environ.get(rule.variable, "").strip()
    if text:
        return EffectiveValue(shown_text(key, text), "environment", rule.variable)
    from_file = defaults.settings.get(rule.variable)
    if from_file and defaults.file:
        return EffectiveValue(shown_text(key, from_file.value), "file", defaults.file.location(from_file.keys))
    return EffectiveValue(_plain(default_of(rule)))


def _plain(value: Any) -> Any:
    """Return a value as JSON and TOML have it, or `None` if it is not set."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, str | int | float) else None


def _render_json(path: str | None, settings: Values, options: dict[str, Values]) -> str:
    content = {
        "version": CONFIG_VERSION,
        "file": path,
        "settings": {name: value._asdict() for name, value in settings.items()},
        "subcommands": {
            name: {key: value._asdict() for key, value in values.items()} for name, values in options.items()
        },
    }
    return f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"


def _render_text(path: str | None, settings: Values, options: dict[str, Values]) -> str:
    lines = [f"# configuration file: {path or 'none'}", *_lines(settings)]
    for name, values in options.items():
        lines += ["", f"[{name.replace(' ', '.')}]", *_lines(values)]
    return "".join(f"{line}\n" for line in lines)


def _lines(values: Values) -> Iterator[str]:
    for key, effective in values.items():
        if effective.value in (None, ""):
            yield f"# {key} is not set"
        else:
            value = json.dumps(effective.value, ensure_ascii=False)
            yield f"{key} = {value}  # {effective.location or effective.source}"
