"""Which platform an image must have, derived from what its resource says about its runtime."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import assert_never

from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known, NoValue, Pending, Unknown
from image_pinner.core.template.json_path import Field, Index, parse_image_path
from image_pinner.core.template.locations import PlatformSource
from image_pinner.core.template.traversal import OpaqueNode, TemplateNode, deployment_status, walk

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (Architectures)
_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64", "x86_64": "amd64", "arm64": "arm64"}
# The builds of Windows Server that image indexes name in os.version:
# https://learn.microsoft.com/en-us/virtualization/windowscontainers/deploy-containers/version-compatibility
_WINDOWS_BUILDS = {
    "2004": "10.0.19041",
    "2016": "10.0.14393",
    "2019": "10.0.17763",
    "2022": "10.0.20348",
    "2025": "10.0.26100",
    "20H2": "10.0.19042",
}
_ABSENT = Known(None)
_REMEDY = "Say Platform=os/architecture"


def infer_platform(
    source: PlatformSource, properties: JsonValue, template: JsonObject, scope: Scope
) -> Platform | Unknown | None:
    """Derive the platform that an image must have.

    Args:
        source: Where it is said.
        properties: The Properties of the image's resource.
        template: The whole template.
        scope: What is known there.

    Returns:
        The platform, `None` where any will do, or why it cannot be told.
    """
    if source.default_in and _are_silent(source, properties):
        return None  # most tasks of most templates
    architecture = _value(source.architecture, properties, scope)
    if architecture == _ABSENT:
        architecture = _value(source.template_architecture, template, scope)
    system = _value(source.os, properties, scope)
    for found in (architecture, system):
        if isinstance(found, Unknown):
            return found
    if architecture == system == _ABSENT:
        return Platform.parse(source.default) if _default_counts(source, properties, scope) else None
    return _platform(source, system, architecture)


def _default_counts(source: PlatformSource, properties: JsonValue, scope: Scope) -> bool:
    if not source.default or not source.default_in:
        return bool(source.default)
    if _says_nothing(properties, source.default_in):
        return False
    found = _deployed(walk(TemplateNode((), properties, scope), parse_image_path(source.default_in)), scope)
    listed = evaluate(found.value, scope) if isinstance(found, TemplateNode) else None
    if isinstance(listed, Known) and isinstance(listed.value, list):
        return source.default_for in listed.value
    # A list with expressions in it: what is known of it counts.
    elements = found.value if isinstance(found, TemplateNode) and isinstance(found.value, list) else []
    return Known(source.default_for) in [evaluate(element, scope) for element in elements]


def _value(path: str, root: JsonValue, scope: Scope) -> Known | Unknown:
    if not path or _says_nothing(root, path):
        return _ABSENT
    found = _deployed(walk(TemplateNode((), root, scope), parse_image_path(path)), scope)
    if isinstance(found, TemplateNode) and isinstance(found.value, list):
        found = _deployed(walk(found, (Index(0),)), scope)
    return _of(found.value, scope) if isinstance(found, TemplateNode) else found or _ABSENT


def _are_silent(source: PlatformSource, properties: JsonValue) -> bool:
    names = _first_names(source.os, source.architecture, source.default_in)
    return names is not None and _has_none_of(names, properties)


def _says_nothing(root: JsonValue, path: str) -> bool:
    names = _first_names(path)
    return names is not None and _has_none_of(names, root)


def _has_none_of(names: frozenset[str], root: JsonValue) -> bool:
    """Tell at a glance that a map has neither one of some fields nor a loop that may bring it."""
    if not isinstance(root, dict) or not names.isdisjoint(root):
        return False
    return not any(type(key) is str and key.startswith("Fn::") for key in root)


@cache
def _first_names(*paths: str) -> frozenset[str] | None:
    """Give the fields with which paths begin, or `None` where one begins with something else."""
    firsts = [parse_image_path(path)[0] for path in paths if path]
    fields = [first.name for first in firsts if isinstance(first, Field)]
    return frozenset(fields) if len(fields) == len(firsts) else None


def _deployed(found: Iterable[TemplateNode | OpaqueNode], scope: Scope) -> TemplateNode | Unknown | None:
    """Give the first place that is deployed, `None` if there is none, or why it cannot be told."""
    for property_path in found:
        deployed = deployment_status(property_path.guards, scope)
        if deployed is False:
            continue
        if deployed is not True:
            return Unknown("the runtime platform depends on a condition", _REMEDY)
        return property_path if isinstance(property_path, TemplateNode) else Unknown(property_path.reason, _REMEDY)
    return None


def _of(expression: JsonValue, scope: Scope) -> Known | Unknown:
    match evaluate(expression, scope):
        case Known(list() as values):
            return Known(values[0]) if values else _ABSENT
        case Known() as known:
            return known
        case Unknown(reason):
            return Unknown(f"the runtime platform is not known: {reason}", _REMEDY)
        case NoValue():
            return _ABSENT
        case Pending():
            return Unknown("the runtime platform would have to be looked up", _REMEDY)
        case outcome:
            assert_never(outcome)


def _platform(source: PlatformSource, system: Known | Unknown, architecture: Known | Unknown) -> Platform | Unknown:
    family = getattr(system, "value", None) or "LINUX"
    # ECS takes X86_64 where only the operating system is said.
    said = getattr(architecture, "value", None) or "X86_64"
    machine = _ARCHITECTURES.get(said) if isinstance(said, str) else None
    if machine is None:
        return Unknown(f"the architecture {said!r} is none that is known", _REMEDY)
    if family == "LINUX" or not source.os:
        return Platform("linux", machine)
    parts = str(family).split("_")
    if parts[0] != "WINDOWS":
        return Unknown(f"the operating system {family!r} is none that is known", _REMEDY)
    builds = [_WINDOWS_BUILDS[part] for part in parts if part in _WINDOWS_BUILDS]
    return Platform("windows", machine, os_version=builds[0] if builds else "")
