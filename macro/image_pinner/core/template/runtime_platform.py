"""Infer the platform that an image must support from the runtime settings of its resource."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import assert_never

from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics import evaluate
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue, Known, NoValue, Pending, Unknown
from image_pinner.core.template.locations import PlatformSource
from image_pinner.core.template.paths import Field, Index, parse_image_path
from image_pinner.core.template.traversal import OpaqueNode, TemplateNode, deployment_status, walk

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (Architectures)
_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64", "x86_64": "amd64", "arm64": "arm64"}
# The Windows Server builds in the os.version of image indexes:
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
_HELP = "set Platform=os/architecture"


def infer_platform(
    source: PlatformSource, properties: JsonValue, template: JsonObject, scope: Scope
) -> Platform | Unknown | None:
    """Infer the platform of an image from the `properties` of its resource.

    Returns:
        The platform, `None` if any is accepted, or why it is unknown.
    """
    if source.default_in and _have_none_of(properties, source.os, source.architecture, source.default_in):
        return None  # most tasks of most templates
    if scope.known:
        # Only one platform is deployed, so that assumed values must decide which.
        scope = replace(scope, known=None)
    architecture = _value(source.architecture, properties, scope)
    if architecture == _ABSENT:
        architecture = _value(source.template_architecture, template, scope)
    system = _value(source.os, properties, scope)
    if isinstance(architecture, Unknown):
        return architecture
    if isinstance(system, Unknown):
        return system
    if architecture == system == _ABSENT:
        return Platform.parse(source.default) if _default_applies(source, properties, scope) else None
    # ECS defaults to X86_64 if only the operating system is set.
    return _platform(system.value or "LINUX" if source.os else "LINUX", architecture.value or "X86_64")


def _default_applies(source: PlatformSource, properties: JsonValue, scope: Scope) -> bool:
    if not source.default or not source.default_in:
        return bool(source.default)
    if _have_none_of(properties, source.default_in):
        return False
    found = _first_deployed(walk(TemplateNode((), properties, scope), parse_image_path(source.default_in)), scope)
    if not isinstance(found, TemplateNode):
        return False
    if isinstance(found.value, list):
        return Known(source.default_for) in [evaluate(element, scope) for element in found.value]
    listed = evaluate(found.value, scope)
    return isinstance(listed, Known) and isinstance(listed.value, list) and source.default_for in listed.value


def _value(path: str, root: JsonValue, scope: Scope) -> Known | Unknown:
    """Return the value at a JSONPath, or its first element if it is a list."""
    if not path or _have_none_of(root, path):
        return _ABSENT
    found = _first_deployed(walk(TemplateNode((), root, scope), parse_image_path(path)), scope)
    if isinstance(found, TemplateNode) and isinstance(found.value, list):
        # AWS::NoValue leaves the list before its elements are counted.
        elements = (walk(found, (Index(number),)) for number in range(len(found.value)))
        found = _first_deployed(chain.from_iterable(elements), scope)
    return _evaluate(found.value, scope) if isinstance(found, TemplateNode) else found or _ABSENT


def _have_none_of(properties: JsonValue, *paths: str) -> bool:
    """Return whether a mapping certainly has no value at these paths; much faster than a walk."""
    names = _first_names(*paths)
    if names is None or not isinstance(properties, dict) or not names.isdisjoint(properties):
        return False
    return not any(type(key) is str and key.startswith("Fn::") for key in properties)


@lru_cache(maxsize=1024)
def _first_names(*paths: str) -> frozenset[str] | None:
    """Return the first fields of the paths, or `None` if one does not begin with a field."""
    firsts = [parse_image_path(path)[0] for path in paths if path]
    fields = [first.name for first in firsts if isinstance(first, Field)]
    return frozenset(fields) if len(fields) == len(firsts) else None


def _first_deployed(found: Iterable[TemplateNode | OpaqueNode], scope: Scope) -> TemplateNode | Unknown | None:
    """Return the first value that is deployed, `None` if there is none, or why that is unknown."""
    for node in found:
        deployed = deployment_status(node.guards, scope)
        if deployed is False:
            continue
        if deployed is not True:
            return Unknown("the runtime platform depends on a condition", _HELP)
        return node if isinstance(node, TemplateNode) else Unknown(node.reason, _HELP)
    return None


def _evaluate(expression: JsonValue, scope: Scope) -> Known | Unknown:
    match evaluate(expression, scope):
        case Known(list() as values):
            return Known(values[0]) if values else _ABSENT
        case Known() as known:
            return known
        case Unknown() as unknown:
            help = f"{_HELP}, or {unknown.help}" if unknown.missing else _HELP
            return Unknown(f"the runtime platform is unknown: {unknown.reason}", help, missing=unknown.missing)
        case NoValue():
            return _ABSENT
        case Pending():
            return Unknown("the runtime platform is an external value, which is not looked up", _HELP)
        case outcome:
            assert_never(outcome)


def _platform(family: JsonValue, architecture: JsonValue) -> Platform | Unknown:
    machine = _ARCHITECTURES.get(architecture) if isinstance(architecture, str) else None
    if machine is None:
        return Unknown(f"unknown architecture {architecture!r}", _HELP)
    if family == "LINUX":
        return Platform("linux", machine)
    parts = str(family).split("_")
    if parts[0] != "WINDOWS":
        return Unknown(f"unknown operating system {family!r}", _HELP)
    builds = [_WINDOWS_BUILDS[part] for part in parts if part in _WINDOWS_BUILDS]
    return Platform("windows", machine, os_version=builds[0] if builds else "")
