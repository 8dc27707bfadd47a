"""Texts of the demo are wrapped at the width of the terminal."""

from __future__ import annotations

import pytest

from image_pinner.cli.demo.page import Page

TEXT = "The macro replaces the tag with a digest, and " * 10


@pytest.mark.parametrize("width", [40, 63, 100])
def test_texts_and_errors_are_wrapped(width: int) -> None:
    lines: list[str] = []
    page = Page(lambda line, _: lines.append(line), width)

    page.text(TEXT)
    page.error(TEXT)

    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join((TEXT * 2).split())
