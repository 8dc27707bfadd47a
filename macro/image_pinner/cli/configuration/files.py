"""Finds and reads the configuration file: `image-pinner.toml`, or `[tool.image-pinner]` in `pyproject.toml`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from image_pinner.core.errors import ConfigurationError

FILE_NAME = "image-pinner.toml"
_PROJECT_FILE = "pyproject.toml"
_PROJECT_TABLE = ("tool", "image-pinner")
_MAX_CANDIDATES = 20  # lines that may have a key; each costs a few milliseconds in a long file


class ConfigurationFile(NamedTuple):
    """A configuration file.

    Args:
        path: Its path in messages, relative to the working directory if the file was found and not named.
        text: Its text.
        table: The keys of the table that is the configuration.
        content: The content of that table.
    """

    path: str
    text: str
    table: tuple[str, ...]
    content: Mapping[str, Any]

    def location(self, keys: tuple[str, ...]) -> str:
        """Return `file:line` of a value, or the file if its line cannot be found."""
        line = _line_of(self.text, (*self.table, *keys))
        return f"{self.path}:{line}" if line else self.path

    def error(self, keys: tuple[str, ...], cause: str, help: str) -> ConfigurationError:
        """Return an error about a value."""
        return ConfigurationError(f"{self.location(keys)}: {cause}", help)


def find_configuration_file() -> ConfigurationFile | None:
    """Return the file in the working directory, or else in the closest directory above it.

    A `pyproject.toml` counts if it has the table. In one directory, `image-pinner.toml` takes precedence.

    Raises:
        ConfigurationError: The file is not valid TOML.
        UnreadableTemplateError: The file cannot be read.
    """
    try:
        directory = Path.cwd()
    except FileNotFoundError:
        return None  # the working directory was deleted
    for parent in (directory, *directory.parents):
        for name in (FILE_NAME, _PROJECT_FILE):
            if (parent / name).is_file() and (file := _read(os.path.relpath(parent / name))):
                return file
    return None


def read_configuration_file(path: str) -> ConfigurationFile:
    """Read a configuration file that the command line names.

    Raises:
        ConfigurationError: The file is not valid TOML, or is a `pyproject.toml` without the table.
        UnreadableTemplateError: The file cannot be read.
    """
    file = _read(path)
    if file is None:
        raise ConfigurationError(f"{path} has no table [{'.'.join(_PROJECT_TABLE)}]", "add it, or pass another file")
    return file


def _read(path: str) -> ConfigurationFile | None:
    # Imported here, as below, because most runs have no file.
    from image_pinner.cli.documents import read_file  # noqa: PLC0415 - see above

    data = read_file(Path(path))
    is_project = Path(path).name == _PROJECT_FILE
    if is_project and _PROJECT_TABLE[-1].encode() not in data:
        return None
    import tomllib  # noqa: PLC0415 - see above

    try:
        text = data.decode("utf-8-sig")
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is not valid TOML: {error}", "correct the file, or pass --no-config"
        ) from None
    if not is_project:
        return ConfigurationFile(path, text, (), content)
    tool = content.get(_PROJECT_TABLE[0])
    table = tool.get(_PROJECT_TABLE[1]) if isinstance(tool, dict) else None
    return ConfigurationFile(path, text, _PROJECT_TABLE, table) if isinstance(table, dict) else None


def _line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line on which a value begins, or 0: the first line without which the file does not have it."""
    lines = text.splitlines()
    is_key = re.compile(rf"""(?<![\w-]){re.escape(keys[-1])}["']?\s*[=.\]]""")
    candidates = [index for index, line in enumerate(lines) if is_key.search(line)]
    for index in candidates[:_MAX_CANDIDATES]:
        if not _has(lines[:index], keys):
            ends = (_has(lines[:end], keys) for end in range(index + 1, len(lines) + 1))
            # Until the value is complete, the lines are not valid TOML.
            if next((has for has in ends if has is not None), None):
                return index + 1
    return 0


def _has(lines: list[str], keys: tuple[str, ...]) -> bool | None:
    import tomllib  # noqa: PLC0415 - see `_read`

    try:
        value: Any = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return None
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
