"""The JSON schema of the options in templates, for editors; it is generated from the options."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, get_args, get_type_hints

from image_pinner.core.gates.configuration import GateRules
from image_pinner.core.rules import RULES
from image_pinner.core.template.markers import IGNORE_KEY, IMAGE_KEY, METADATA_KEY, SNIPPET
from image_pinner.core.template.options import OPTION_RULES, Level, OptionRule, Options
from image_pinner.settings import Settings

SCHEMA = "docs/options.schema.json"
_TYPES = get_type_hints(Options, localns={"GateRules": GateRules})
_GATE_ENTRY = r"^\s*[a-z-]+\.[a-z-]+\s*="
_PARSED = {"platform", "services", "gates"}
"""The fields whose values are parsed from texts."""
_FUNCTION = {
    "description": "An intrinsic function in its long form.",
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "patternProperties": {"^(Ref|Condition|Fn::[A-Za-z]+)$": {}},
    "additionalProperties": False,
}

_SUPPRESSIONS = {
    "description": "The findings of image-pinner check that are accepted here, with the reasons.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {"description": rule.summary, "type": "string", "minLength": 1}
        for rule in RULES.values()
        for name in (rule.code, rule.slug)
    },
}


def _plain(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"\1", text)


def _option(rule: OptionRule) -> dict[str, Any]:
    """Return the schema of an option's value, by the type of its field."""
    kinds = get_args(_TYPES[rule.field])
    words = [member.value for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for member in kind]
    text: dict[str, Any] = {"type": "string"}
    if rule.field == "gates":
        text["pattern"] = _GATE_ENTRY
    is_list = rule.field == "gates" or any(str(kind).startswith("tuple[") for kind in kinds)
    item = text if words else {"anyOf": [text, {"$ref": "#/definitions/function"}]}
    accepted: list[dict[str, Any]] = [{"enum": words}] if words else []
    accepted += [text] if str in kinds or rule.field in _PARSED else []
    accepted += [{"type": "array", "items": item, "minItems": 1 if words else 0}] if is_list else []
    return {"description": _plain(rule.meaning), "anyOf": [*accepted, {"$ref": "#/definitions/function"}]}


def _options(level: Level, **more: dict[str, Any]) -> dict[str, Any]:
    properties = {rule.name: {"$ref": f"#/definitions/{rule.name}"} for rule in OPTION_RULES if level >= rule.level}
    return {"type": "object", "additionalProperties": False, "properties": {**properties, **more}}


def _metadata(level: str) -> dict[str, Any]:
    return {"type": "object", "properties": {METADATA_KEY: {"$ref": f"#/definitions/{level}"}}}


def schema() -> dict[str, Any]:
    """Return a schema of templates, with definitions for Metadata, Transform and snippets."""
    macro = Settings().macro_name
    suppressions = {IGNORE_KEY: {"$ref": "#/definitions/suppressions"}}
    image = {"description": "The image to pin.", "anyOf": [{"type": "string"}, {"$ref": "#/definitions/function"}]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The options of ImagePinner in a CloudFormation template",
        "type": "object",
        "properties": {
            "Transform": {"items": {"$ref": "#/definitions/call"}, "allOf": [{"$ref": "#/definitions/call"}]},
            "Metadata": _metadata("template-metadata"),
            "Resources": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"Metadata": _metadata("resource-metadata")},
                },
            },
        },
        "definitions": {
            "call": {
                "description": "One of the calls in Transform.",
                "if": {"type": "object", "properties": {"Name": {"const": macro}}, "required": ["Name"]},
                "then": {"properties": {"Parameters": {"$ref": "#/definitions/template-options"}}},
            },
            "template-options": _options(Level.TEMPLATE),
            "template-metadata": _options(Level.TEMPLATE, **suppressions),
            "resource-metadata": _options(Level.RESOURCE, **suppressions),
            "suppressions": _SUPPRESSIONS,
            "snippet": {
                "description": f"The value of {SNIPPET}.",
                "type": "object",
                "required": ["Name", "Parameters"],
                "properties": {
                    "Name": {"const": macro},
                    "Parameters": _options(Level.IMAGE, **{IMAGE_KEY: image}) | {"required": [IMAGE_KEY]},
                },
            },
            "function": _FUNCTION,
            **{rule.name: _option(rule) for rule in OPTION_RULES},
        },
    }
