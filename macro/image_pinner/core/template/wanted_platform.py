"""Which platform an image must have: said by an option, or derived from what the resource says about its runtime."""

from __future__ import annotations

from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.image_paths import parse_image_path
from image_pinner.core.template.intrinsics import evaluate
from image_pinner.core.template.locations import ImageLocation, PlatformSource
from image_pinner.core.template.options import AnyPlatform, Options
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonMap, JsonValue, Known, NoValue, Unknown
from image_pinner.core.template.walking import Spot, walk

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


def wanted_platform(
    location: ImageLocation, options: Options, properties: JsonValue, template: JsonMap, scope: Scope
) -> Platform | Unknown | None:
    """Give the platform that an image must have.

    Args:
        location: Where the image stands.
        options: The options that hold for it.
        properties: The Properties of its resource.
        template: The whole template.
        scope: What is known there.

    Returns:
        The platform, `None` where any will do, or why it cannot be told.
    """
    if isinstance(options.platform, Platform):
        return options.platform
    source = location.platform
    if options.platform is AnyPlatform.ANY or source is None:
        return None
    architecture = _value(source.architecture, properties, scope)
    if architecture == _ABSENT:
        architecture = _value(source.template_architecture, template, scope)
    system = _value(source.os, properties, scope)
    for found in (architecture, system):
        if isinstance(found, Unknown):
            return found
    if architecture == system == _ABSENT:
        return Platform.parse(source.default) if source.default else None
    return _platform(source, system, architecture)


def _value(path: str, root: JsonValue, scope: Scope) -> Known | Unknown:
    if not path:
        return _ABSENT
    for found in walk(Spot((), root, scope), parse_image_path(path)):
        if not isinstance(found, Spot):
            return Unknown(found.reason)
        if found.guards:
            return Unknown("the runtime platform depends on a condition", "Say Platform=os/architecture")
        match evaluate(found.value, scope):
            case Known() as known:
                return known
            case Unknown() as unknown:
                return unknown
            case NoValue():
                return _ABSENT
            case _:
                return Unknown("the runtime platform must be looked up first", "Say Platform=os/architecture")
    return _ABSENT


def _platform(source: PlatformSource, system: Known | Unknown, architecture: Known | Unknown) -> Platform | Unknown:
    family = getattr(system, "value", None) or "LINUX"
    # ECS takes X86_64 where only the operating system is said.
    machine = _ARCHITECTURES.get(str(getattr(architecture, "value", None) or "X86_64"))
    if machine is None:
        return Unknown(
            f"the architecture {getattr(architecture, 'value', None)!r} is none that is known",
            "Say Platform=os/architecture",
        )
    if family == "LINUX" or not source.os:
        return Platform("linux", machine)
    parts = str(family).split("_")
    builds = [_WINDOWS_BUILDS[part] for part in parts if part in _WINDOWS_BUILDS]
    return (
        Platform("windows", machine, os_version=builds[0] if builds else "")
        if parts[0] == "WINDOWS"
        else Unknown(f"the operating system {family!r} is none that is known", "Say Platform=os/architecture")
    )
