"""The text of lock files: strict parsing, and rendering that Git can merge.

Messages repeat nothing of a file that is not a lock file: the option `Lock` can name any parameter or object that the
function may read, and the author of a template must not read it in an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from image_pinner.core.days import is_day
from image_pinner.core.errors import ConfigurationError, InvalidOptionError, InvalidReferenceError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.lock import LockEntry, LockFile, LockKey

LOCK_VERSION = 1
MAX_LOCK_BYTES = 4 * 1024 * 1024
MAX_REGISTRIES = 200
"""The maximum number of registries that images are promoted from: each image is searched in all of them."""

_SCHEMA = "https://raw.githubusercontent.com/image-pinner/image-pinner/main/docs/lock-v1.schema.json"
_REQUIRED = ("image", "digest", "media_type", "resolved_at", "source")
_FIELDS = (*_REQUIRED, "platform", "single_platform", "index", "hold", "reason", "until")
_SECTIONS = ("$schema", "version", "map", "images")
_RUN_LOCK = "write the file with image-pinner lock"
_OS_VERSION = re.compile(r" \([0-9][0-9.]{0,40}\)", re.ASCII)
_MEDIA_TYPE = re.compile(r"[a-z0-9][\w.+-]{0,126}/[a-z0-9][\w.+-]{0,126}", re.ASCII)
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
# Reasons are shown in terminals: no control characters, none that change the direction, and no unpaired surrogates.
_REASON = re.compile(r"(?=.*\S)[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+", re.DOTALL)
_MAX_REASON = 500
_TIME = re.compile(r"(.{10})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z", re.ASCII)


def parse_lock(data: bytes, location: str, today: str) -> LockFile:
    """Parse a lock file.

    Args:
        data: The content.
        location: Where it was read, for messages and reports.
        today: The day on which it is used, in ISO 8601.

    Raises:
        ConfigurationError: It is not a lock file, or breaks a rule; the cause names the line or the entry.
    """
    content = _load(data, location)
    _check_names(content, _SECTIONS, ("version", "images"), location)
    registries = _parse_registries(content.get("map", {}), location)
    entries: dict[LockKey, LockEntry] = {}
    for number, item in enumerate(content["images"], 1):
        entry = _parse_entry(item, f"{location}, entry {number}")
        if entry.key in entries:
            raise ConfigurationError(
                f"{location}, entry {number}: duplicate entry for {entry.key}", "remove one of them"
            )
        entries[entry.key] = entry
    return LockFile(entries, registries, location, today)


def _load(data: bytes, location: str) -> dict[str, Any]:
    """Return the JSON object, if it looks like a lock file."""
    if len(data) > MAX_LOCK_BYTES:
        size = f"{len(data):,} bytes; a lock file has at most {MAX_LOCK_BYTES:,}"
        raise ConfigurationError(f"{location} has {size}", "check that it is a lock file")
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        cause = f"{location} is not a lock file: line {error.lineno} is not valid JSON"
        raise ConfigurationError(cause, _RUN_LOCK) from None
    except _DuplicateError:
        raise ConfigurationError(f"{location} has a duplicate key in a JSON object", "remove one of them") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{location} is not a lock file: it is not valid JSON", _RUN_LOCK) from None
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise ConfigurationError(f"{location} is not a lock file: it is not an object with images", _RUN_LOCK)
    if content.get("version") != LOCK_VERSION or isinstance(content.get("version"), bool):
        cause = f"{location} does not have version {LOCK_VERSION} of lock files"
        raise ConfigurationError(cause, "write it again, or use the version of image-pinner that wrote it")
    return content


class _DuplicateError(Exception):
    """A JSON object has a duplicate key."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DuplicateError
    return found


def _check_names(found: Mapping[str, Any], known: tuple[str, ...], required: tuple[str, ...], where: str) -> None:
    unknown = len(found.keys() - set(known))
    if unknown:
        cause = f"{where} has {unknown} unknown {'key' if unknown == 1 else 'keys'}"
        raise ConfigurationError(cause, f"use only {', '.join(known)}")
    if missing := [name for name in required if name not in found]:
        raise ConfigurationError(f"{where} has no {missing[0]}", f"add {missing[0]}, or {_RUN_LOCK}")


def _parse_registries(section: Any, location: str) -> dict[str, str]:
    if not isinstance(section, dict):
        raise ConfigurationError(f'{location}: "map" is not an object', "write registries and their targets")
    if len(section) > MAX_REGISTRIES:
        cause = f'{location}: "map" has {len(section):,} entries, more than {MAX_REGISTRIES}'
        raise ConfigurationError(cause, "remove the entries that no image needs")
    for number, (source, target) in enumerate(section.items(), 1):
        for text in (source, target):
            if not isinstance(text, str) or not is_registry_path(text):
                cause = f'{location}: entry {number} of "map" is not a registry with an optional path'
                raise ConfigurationError(cause, _WRITE_REGISTRY)
    return section


_WRITE_REGISTRY = "write a host as in full image references, for example 111122223333.dkr.ecr.us-east-1.amazonaws.com"


def parse_mapping(text: str) -> tuple[str, str]:
    """Parse `source=target`, two registries with optional paths.

    Raises:
        ValueError: The text has another form.
    """
    source, equals, target = text.partition("=")
    if not equals:
        raise ValueError("write SOURCE=TARGET, for example dev.example.com=prod.example.com/team")
    for name in (source, target):
        if not is_registry_path(name):
            raise ValueError(f"{name!r} is not a registry with an optional path: {_WRITE_REGISTRY}")
    return source, target


def is_registry_path(text: str) -> bool:
    """Return whether a text is a registry, with an optional path, as canonical references begin."""
    try:
        return str(ImageReference.parse(f"{text}/a/image").canonical()) == f"{text}/a/image"
    except InvalidReferenceError:
        return False


def _parse_entry(item: Any, where: str) -> LockEntry:
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where} is not an object", _RUN_LOCK)
    _check_names(item, _FIELDS, _REQUIRED, where)
    values = {name: _read_field(name, item[name], where) for name in item}
    key = LockKey(values["image"], values.get("platform", ""), values.get("single_platform", False))
    hold = values.get("hold", False)
    for name in ("reason", "until"):
        if hold != (name in values):
            raise ConfigurationError(f"{where} ({key}) has a hold without {name}, or {name} without a hold", _HOLD)
    return LockEntry(
        key,
        values["digest"],
        values["media_type"],
        values["resolved_at"],
        values["source"],
        values.get("index"),
        hold,
        values.get("reason", ""),
        values.get("until", ""),
    )


_HOLD = 'write "hold": true, "reason": "why" and "until": "YYYY-MM-DD", or none of them'


def _read_field(name: str, value: Any, where: str) -> Any:
    read, expected = _READERS[name]
    try:
        found = read(value) if isinstance(value, bool if name in _FLAGS else str) else None
    except (InvalidReferenceError, InvalidOptionError):
        found = None
    if found is None:
        raise ConfigurationError(f"{where}: {name} is not valid", f"write {expected}")
    return found


def _read_image(text: str) -> str | None:
    reference = ImageReference.parse(text)
    return text if reference.tag and not reference.digest and str(reference.canonical()) == text else None


def _read_platform(text: str) -> str | None:
    version = _OS_VERSION.search(text)
    name = text[: version.start()] if version else text
    return text if str(Platform.parse(name)) == name and (not version or version.end() == len(text)) else None


def _matches(pattern: re.Pattern[str], limit: int | None = None) -> Callable[[str], str | None]:
    return lambda text: text if pattern.fullmatch(text) and (limit is None or len(text) <= limit) else None


def _read_time(text: str) -> str | None:
    found = _TIME.fullmatch(text)
    return text if found and is_day(found[1]) else None


_FLAGS = ("single_platform", "hold")
_READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "image": (_read_image, "a full reference with a tag, for example docker.io/library/nginx:1.27"),
    "platform": (_read_platform, "os/architecture, for example linux/arm64"),
    "single_platform": (lambda value: value, "true or false"),
    "digest": (Digest, "sha256: and 64 lower-case hexadecimal digits"),
    "index": (Digest, "sha256: and 64 lower-case hexadecimal digits"),
    "media_type": (_matches(_MEDIA_TYPE), "the media type of the manifest"),
    "resolved_at": (_read_time, "a time in UTC, for example 2026-01-31T12:00:00Z"),
    "source": (_matches(_SOURCE), "ecr or registry"),
    "hold": (lambda value: value, "true or false"),
    "reason": (_matches(_REASON, _MAX_REASON), f"one line of at most {_MAX_REASON} characters"),
    "until": (lambda text: text if is_day(text) else None, "a day, for example 2026-01-31"),
}


def render_lock(lock: LockFile, *, compact: bool = False) -> str:
    """Return the text of a lock file.

    The order is stable and each field is on its own line, so that Git can merge two changes. The `compact` form, for
    the limits of the Parameter Store, has no white space and no reference to the schema.
    """
    content: dict[str, Any] = {} if compact else {"$schema": _SCHEMA}
    content["version"] = LOCK_VERSION
    if lock.registries:
        content["map"] = dict(lock.registries)
    content["images"] = [_describe(lock.entries[key]) for key in sorted(lock.entries)]
    if compact:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _describe(entry: LockEntry) -> dict[str, Any]:
    described = {
        "image": entry.key.image,
        "platform": entry.key.platform,
        "single_platform": entry.key.single_platform,
        "digest": str(entry.digest),
        "index": str(entry.index or ""),
        "media_type": entry.media_type,
        "resolved_at": entry.resolved_at,
        "source": entry.source,
        "hold": entry.hold,
        "reason": entry.reason,
        "until": entry.until,
    }
    return {name: value for name, value in described.items() if value}
