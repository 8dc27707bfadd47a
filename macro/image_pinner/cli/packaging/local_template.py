"""The template as `aws cloudformation package` takes it: the function's code is a file beside it.

https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html
It is changed as text, so that all other lines stay, with their comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from image_pinner.cli.packaging.yaml_blocks import Block, blocks, indentation, without
from image_pinner.core.errors import ConfigurationError

CODE_PARAMETERS = ("CodeBucket", "CodeKey", "CodeBucketPerRegion")
"""The parameters that say where the code is; without a meaning where `package` says it."""
_NAMES = re.compile(rf"\b(?:{'|'.join(CODE_PARAMETERS)})\b")
_FORM_ENTRY = re.compile(rf"\s+(?:- {_NAMES.pattern}\s*(?:#.*)?|{_NAMES.pattern}: *\{{.*\}}\s*)$")
_CODE = re.compile(r"^( +)Code: *(?:#.*)?$")
_CODE_KEYS = {"S3Bucket", "S3Key"}
_Lines = tuple[str, ...]


def local_template(text: str, archive: str) -> str:
    """Let the function take its code from a local zip.

    Args:
        text: The text of deploy/macro.yaml.
        archive: The path of the zip from where the result is written.

    Returns:
        The template without the parameters of the code, and without what only they need: conditions, rules, and
        their places in the console's form.

    Raises:
        ConfigurationError: The template has not the form that is known here.
    """
    sections = [_section(block) for block in blocks(tuple(text.splitlines(keepends=True)))]
    dropped = [name for _, names in sections for name in names]
    result = _with_code("".join(line for lines, _ in sections for line in lines), archive)
    _expect_nothing_dangles(result, (*CODE_PARAMETERS, *dropped))
    return result


def _section(section: Block) -> tuple[_Lines, list[str]]:
    """Give the lines of a section, and the names of its conditions and rules that are gone."""
    lead, head, rest = section.lead, section.body[:1], section.body[1:]
    if section.key == "Parameters":
        return (*lead, *head, *without(rest, lambda block: block.key in CODE_PARAMETERS)), []
    if section.key in {"Conditions", "Rules"}:
        gone = [block.key for block in blocks(rest) if _NAMES.search(block.code)]
        kept = without(rest, lambda block: block.key in gone)
        # A section without an entry is null, which the service refuses.
        return (*lead, *(head if any(line.strip() for line in kept) else ()), *kept), gone
    if section.key == "Metadata":
        return (*lead, *head, *_form(rest)), []
    return (*lead, *section.body), []


def _form(lines: _Lines) -> Iterator[str]:
    """Leave the parameters out of AWS::CloudFormation::Interface: from lists on one line, as items, and as labels."""
    for line in lines:
        if not _FORM_ENTRY.match(line):
            yield _without_flow_names(line)


def _without_flow_names(line: str) -> str:
    inside = re.search(r"\[([^\]]*)\]", line)
    if inside is None or not _NAMES.search(inside[1]):
        return line
    names = [name.strip() for name in inside[1].split(",")]
    left = ", ".join(name for name in names if name not in CODE_PARAMETERS)
    return line[: inside.start(1)] + left + line[inside.end(1) :]


def _with_code(text: str, archive: str) -> str:
    lines = text.splitlines(keepends=True)
    found = [(index, match[1]) for index, line in enumerate(lines) if (match := _CODE.match(line.rstrip("\r\n")))]
    if len(found) != 1:
        _refuse(f"it has {len(found)} lines «Code:» and not one")
    start, margin = found[0]
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or indentation(lines[end]) > len(margin)):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    keys = {block.key for block in blocks(tuple(lines[start + 1 : end])) if block.body}
    if keys != _CODE_KEYS:
        _refuse(f"its «Code:» has not S3Bucket and S3Key, but {', '.join(sorted(keys)) or 'nothing'}")
    return "".join([*lines[:start], f"{margin}Code: {archive}\n", *lines[end:]])


def _expect_nothing_dangles(text: str, names: tuple[str, ...]) -> None:
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    for number, line in enumerate(text.splitlines(), 1):
        said = line.split(" #")[0]
        found = None if said.lstrip().startswith("#") else pattern.search(said)
        if found:
            _refuse(f"{found[0]} is still needed in «{said.strip()}» (line {number} of the result)")


def _refuse(reason: str) -> NoReturn:
    raise ConfigurationError(
        f"deploy/macro.yaml cannot be made a template for a local package: {reason}",
        "Keep the form that image_pinner/cli/packaging/local_template.py describes, or change both",
    )
