"""Each claim of the security model names tests that exist."""

from __future__ import annotations

import re

from support.project import ROOT

_ROW = re.compile(r"^\| ([^|`]*(?:`[^`]*`[^|`]*)*) \| (.*) \|$", re.MULTILINE)


def test_every_claim_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security-tests.md").read_text("utf-8")
    claims = [(claim, re.findall(r"`(tests/[^`]+)`", tests)) for claim, tests in _ROW.findall(text) if "test" in tests]
    claims = [(claim, tests) for claim, tests in claims if claim != "claim"]
    assert len(claims) == text.count("\n| ") - 1
    assert [claim for claim, tests in claims if not tests] == []
    missing = [test for _, tests in claims for test in tests if not (ROOT / test).is_file()]
    assert missing == []
