"""Find templates: files, directories, patterns and standard input, in the same order on every machine."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from image_pinner.cli.documents.text import MAX_BYTES
from image_pinner.core.errors import UnreadableTemplateError

if TYPE_CHECKING:
    from image_pinner.cli.ignore_files import IgnoreRules

STANDARD_INPUT = "-"
TEMPLATE_EXTENSIONS = (".yaml", ".yml", ".json", ".template", ".cfn", ".cform")
"""The extensions of the files in a folder that can be templates."""

_INSTALLED_PACKAGES = "node_modules"
_WILDCARD = re.compile(r"[*?\[]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_RESOURCES = r"""(?m)(?:^(?:---[ \t]+)?|[{,]\s*)["']?Resources["']?\s*:"""
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html; types of the registry and of
# modules have two colons too.
_CLOUDFORMATION = r"""AWSTemplateFormatVersion|["']?Type["']?\s*:\s*["']?\w+::\w"""


class InputFile(NamedTuple):
    """A file to read, or standard input if the path is `-`, and its name in messages and output."""

    path: str
    name: str


class FoundTemplates(NamedTuple):
    """The templates by name, and the files and directories that are not inspected, each with the reason."""

    files: tuple[InputFile, ...]
    skipped: tuple[tuple[str, str], ...]


def find_templates(
    arguments: Iterable[str], *, stdin_name: str = "standard input", changed: frozenset[str] | None = None
) -> FoundTemplates:
    """Find the templates that command line arguments select, each once, sorted by name.

    Args:
        arguments: Files, directories, patterns such as `templates/**/*.yaml`, and `-` for standard input. A file is
            selected whatever it contains. Directories and patterns select templates by their content, without ignored
            files, hidden directories and symbolic links.
        stdin_name: The name of standard input.
        changed: The real paths to which the files are restricted, or `None`.

    Raises:
        UnreadableTemplateError: A directory or a pattern selects no template.
    """
    found: list[InputFile] = []
    skipped: list[tuple[str, str]] = []
    for argument in arguments:
        if argument == STANDARD_INPUT:
            found.append(InputFile(argument, stdin_name))
        else:
            found += [InputFile(path, shown_name(path)) for path in _Search(skipped).select(argument)]
    if changed is not None:
        skipped += [(name, "not changed") for path, name in found if not _is_changed(path, changed)]
        found = [file for file in found if _is_changed(file.path, changed)]
    found.sort(key=lambda file: (file.name.split("/"), file.path))
    # Of several names of a file, the first one.
    unique = {file.path if file.path == STANDARD_INPUT else os.path.realpath(file.path): file for file in found[::-1]}
    return FoundTemplates(tuple(unique.values())[::-1], tuple(sorted(dict(skipped).items())))


def _is_changed(path: str, changed: frozenset[str]) -> bool:
    if path == STANDARD_INPUT:
        return True
    # Git lists the directory of a submodule, and of another repository inside of the first.
    found = Path(real_path(path))
    return not changed.isdisjoint(map(str, (found, *found.parents)))


def shown_name(path: str) -> str:
    """Return a path for messages: relative to the working directory if it is inside, with `/`, and printable."""
    working_directory = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118 - strings, as paths lose `./`
    absolute = os.path.abspath(path)  # noqa: PTH100 - unlike resolve(), it does not follow links
    shown = (
        absolute.removeprefix(working_directory) if absolute.startswith(working_directory) else os.path.normpath(path)
    )
    return _UNPRINTABLE.sub("\ufffd", shown.replace(os.sep, "/"))


def real_path(path: str) -> str:
    """Return the absolute path of a file whose directories are not links; the file itself may be one."""
    return str(Path(path).parent.resolve() / Path(path).name)


def looks_like_template(data: bytes) -> bool:
    """Return whether the content of a file is that of a template, although it may contain errors."""
    # Without zero bytes, UTF-16 reads like ASCII.
    data = data.replace(b"\0", b"")
    if b"Resources" not in data:
        return False
    # A byte order mark of UTF-16 cannot be decoded.
    text = data.decode("utf-8-sig", "replace").lstrip("\ufffd")
    if not re.search(_RESOURCES, text) or not re.search(_CLOUDFORMATION, text):
        return False
    if not text.lstrip().startswith(("{", "[")):
        return True
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return True
    return isinstance(content, dict) and isinstance(content.get("Resources"), dict)


class _Search:
    """Searches what one argument selects, and records what it skips."""

    def __init__(self, skipped: list[tuple[str, str]]) -> None:
        self._skipped = skipped

    def select(self, argument: str) -> Iterator[str]:
        if os.path.isdir(argument):  # noqa: PTH112 - an argument may contain characters that Path refuses
            yield from self._inspect(argument, _has_extension, argument)
        elif os.path.lexists(argument) or not _WILDCARD.search(argument):
            # A missing file is reported when it is read.
            yield argument
        else:
            parts = argument.replace(os.sep, "/").split("/")
            first = next(number for number, part in enumerate(parts) if _WILDCARD.search(part))
            base = "/".join(parts[:first]) or ("/" if argument.startswith("/") else ".")
            # Imported here, as below, because most command lines name files.
            from image_pinner.cli.path_patterns import PathPattern  # noqa: PLC0415

            pattern = PathPattern.parse("/".join(parts[first:]))
            yield from self._inspect(base, pattern.selects, argument)

    def _inspect(self, base: str, is_candidate: Callable[[Sequence[str]], bool], argument: str) -> Iterator[str]:
        """Yield the templates among the candidates in a directory."""
        none = True
        for path in self._walk(base, is_candidate):
            if looks_like_template(_read_start(path)):
                none = False
                yield path
            else:
                self._skipped.append((shown_name(path), "not a CloudFormation template"))
        if none:
            raise UnreadableTemplateError(
                f"no templates found in {argument}", "pass a template, or a directory or pattern that contains one"
            )

    def _walk(self, base: str, is_candidate: Callable[[Sequence[str]], bool]) -> Iterator[str]:
        """Yield the candidates in a directory and those below that are neither hidden, ignored nor linked."""
        from image_pinner.cli.ignore_files import IgnoreRules  # noqa: PLC0415

        absolute = Path(os.path.abspath(base))  # noqa: PTH100 - without following links
        # The directory of a pattern may not exist.
        todo = [(absolute.parts, IgnoreRules.above(absolute))] if absolute.is_dir() else []
        while todo:
            names, rules = todo.pop()
            inside = names[len(absolute.parts) :]
            directory = os.path.join(base, *inside)  # noqa: PTH118 - thousands of strings
            rules = rules.inside(Path(*names))
            for entry in _entries(directory):
                is_directory = entry.is_dir(follow_symlinks=False)
                if not is_directory and not is_candidate((*inside, entry.name)):
                    continue
                path = os.path.normpath(os.path.join(directory, entry.name))  # noqa: PTH118 - the same
                below = (*names, entry.name)
                if reason := _reason_to_skip(entry, below, rules, is_directory=is_directory):
                    self._skipped.append((shown_name(path), reason))
                elif is_directory:
                    todo.append((below, rules))
                else:
                    yield path


def _has_extension(names: Sequence[str]) -> bool:
    return names[-1].lower().endswith(TEMPLATE_EXTENSIONS)


def _reason_to_skip(entry: os.DirEntry[str], names: Sequence[str], rules: IgnoreRules, *, is_directory: bool) -> str:
    if entry.is_symlink():
        return "symbolic link"
    if is_directory and entry.name.startswith("."):
        return "hidden directory"
    if is_directory and entry.name == _INSTALLED_PACKAGES:
        return "installed packages"
    if rules.ignores(names, is_directory=is_directory):
        return "ignored by Git"
    return "" if is_directory or entry.is_file(follow_symlinks=False) else "not a file"


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError as error:
        raise UnreadableTemplateError(
            f"cannot read {directory}: {error.strerror}", "check the permissions of the directory"
        ) from error


def _read_start(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - thousands of strings
            return file.read(MAX_BYTES)
    except OSError as error:
        raise UnreadableTemplateError(
            f"cannot read {path}: {error.strerror}", "check the permissions of the file"
        ) from error
