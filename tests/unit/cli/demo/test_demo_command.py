"""The command `demo` without the libraries that it needs."""

from __future__ import annotations

import pytest

from image_pinner.cli.commands import demo
from support.command import image_pinner


def test_without_moto_it_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda _: None)

    run = image_pinner("demo")

    assert (run.code, run.out) == (2, b"")
    assert run.err == (
        "error: the demo needs moto, which is not installed\nhelp: run pip install 'image-pinner[demo]'\n"
    )
