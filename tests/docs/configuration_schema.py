"""The JSON schema of the configuration file, generated from the settings and the options of subcommands."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from docs.documents import context_of, subcommands_of
from image_pinner.cli.configuration.keys import Form, Key, default_of, option_keys, setting_keys
from image_pinner.cli.configuration.reader import SETTINGS_TABLE
from image_pinner.cli.main import SUBCOMMANDS
from image_pinner.core.errors import ConfigurationError
from image_pinner.settings import SettingRule, check_setting

ID = "https://raw.githubusercontent.com/image-pinner/image-pinner/main/docs/image-pinner.schema.json"
MAX_LINE = 120
_STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_FORMS: dict[Form, dict[str, Any]] = {
    Form.BOOLEAN: {"type": "boolean"},
    Form.INTEGER: {"type": "integer"},
    Form.NUMBER: {"type": "number"},
    Form.STRING: {"type": "string"},
    Form.LIST: _STRINGS,
    Form.ENTRIES: {
        "type": ["array", "object"],
        "items": {"type": "string"},
        "additionalProperties": {
            "type": ["string", "integer", "boolean", "array", "object"],
            "items": {"type": "string"},
        },
    },
}


def schema() -> dict[str, Any]:
    """Return the schema."""
    settings = {name: {"$ref": f"#/$defs/{name}"} for name in setting_keys()}
    properties: dict[str, Any] = dict(settings)
    for name in SUBCOMMANDS:
        table = _table(name, context_of(name).command, settings)
        properties[name] = {"anyOf": [settings[name], table]} if name in settings else table
    properties[SETTINGS_TABLE] = {
        "description": "Settings for all subcommands, as at the top of the file.",
        "type": "object",
        "additionalProperties": False,
        "properties": settings,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Configuration file of ImagePinner: image-pinner.toml, or [tool.image-pinner] in pyproject.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": {name: _property(key) for name, key in setting_keys().items()},
    }


def render(value: Any, indent: str = "") -> str:
    """Return JSON in which what fits into a line is on one line."""
    text = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(text) <= MAX_LINE or not isinstance(value, dict | list):
        return text
    deeper = f"{indent}  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"{deeper}{render(item, deeper)}" for item in value) + f"\n{indent}]"
    members = (f"{deeper}{json.dumps(name)}: {render(item, deeper)}" for name, item in value.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _table(name: str, command: click.Command, settings: dict[str, Any]) -> dict[str, Any]:
    options = {key.name: _property(key) for key in option_keys(command).values()}
    nested = {below: _table(f"{name} {below}", one, {}) for below, one in subcommands_of(command).items()}
    return {
        "description": f"Options of image-pinner {name}" + (", and settings for it alone." if settings else "."),
        "type": "object",
        "additionalProperties": False,
        "properties": {**settings, **options, **nested},
    }


def _property(key: Key) -> dict[str, Any]:
    # In the file, entries are separate values.
    meaning = re.sub(r",? (?:entries )?separated by `;`| \(repeatable\b[^)]*\)", "", key.meaning)
    described = {"description": meaning.replace("`", ""), **_FORMS[key.form]}
    if isinstance(key.source, SettingRule):
        default = default_of(key.source)
        if default not in (None, ""):
            described["default"] = list(default) if isinstance(default, tuple) else default
        if choices := _choices(key.source):
            described["enum"] = choices
    elif isinstance(key.source.type, click.Choice):
        choices = list(key.source.type.choices)
        described.update({"items": {"enum": choices}} if key.form is Form.LIST else {"enum": choices})
    return described


def _choices(rule: SettingRule) -> list[str]:
    """Return the values of an option of templates, if the documentation lists all of them."""
    values = re.findall("`([^`]+)`", rule.values) if rule.option else []
    try:
        for value in values:
            check_setting(rule.variable, value)
    except ConfigurationError:
        return []
    return values
