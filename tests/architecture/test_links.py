"""Links between documents have a target."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest

from support.project import ROOT, project_files, text_of

# https://spec.commonmark.org/0.31.2/#links, the common forms: [text](target) and [text](target "title")
_LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def _anchors(text: str) -> set[str]:
    """Return the anchors that GitHub generates from headings: lower case, no punctuation, hyphens for spaces."""
    anchors: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (numbered := f"{anchor}-{number}" if number else anchor) in anchors:
            number += 1
        anchors.add(numbered)
    return anchors


def _links(text: str) -> list[str]:
    prose = _CODE.sub("", _FENCE.sub("", text))
    return [unquote(target) for target in _LINK.findall(prose) if not _ELSEWHERE.match(target)]


def _broken(document: str, target: str) -> bool:
    path, _, anchor = target.partition("#")
    found = (ROOT / PurePosixPath(document).parent / path).resolve() if path else ROOT / document
    if not found.exists() or not found.is_relative_to(ROOT.resolve()):
        return True
    return bool(anchor) and found.suffix == ".md" and anchor not in _anchors(found.read_text("utf-8"))


def test_broken_links_are_found() -> None:
    assert _broken("README.md", "docs/no-such-page.md")
    assert _broken("README.md", "#no-such-heading")
    assert _broken("README.md", "../elsewhere.md")


def test_links_in_code_are_ignored() -> None:
    assert _links("`[a](b)` and\n```\n[c](d)\n```\nand [e](f) and [g](https://example.com)") == ["f"]


def test_anchors_match_the_headings() -> None:
    assert _anchors("# What `pin` does\n## It's [easy](x)\n## Twice\n## Twice\n") == {
        "what-pin-does",
        "its-easy",
        "twice",
        "twice-1",
    }


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_standard_documents_exist(document: str) -> None:
    assert text_of(document).startswith("# ")


def test_links_between_documents_are_not_broken() -> None:
    documents = [name for name in project_files() if name.endswith(".md")]
    broken = [
        f"{document}: {target}"
        for document in documents
        for target in _links(text_of(document))
        if _broken(document, target)
    ]
    assert broken == []


def test_the_files_that_contributing_names_exist() -> None:
    text = text_of("CONTRIBUTING.md")
    layout = text.partition("## Layout")[2].partition("\n## ")[0]
    named = set(re.findall(r"^ +([\w./]+)  ", layout, re.MULTILINE)) | set(re.findall(r"`([\w/]+/[\w./]*)`", text))
    named |= set(re.findall(r"`(\w+\.py)`", text))
    files = project_files()
    # `make docs` creates build/site.
    paths = {"build/site", *files, *(f"{parent}/" for name in files for parent in PurePosixPath(name).parents)}

    missing = [
        name
        for name in sorted(named)
        if not any(f"/{path}".endswith(f"/{name}") or f"/{path}".endswith(f"/{name}/") for path in paths)
    ]

    assert missing == []
