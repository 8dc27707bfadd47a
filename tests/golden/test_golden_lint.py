"""cfn-lint has no findings in the example templates, before and after pinning."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.golden_cases import TemplateCase
from golden.golden_files import TEMPLATES
from support.lint import lint_findings
from support.sampling import sample

EXAMPLES = sample(sorted(TEMPLATES.iterdir()), 5)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_has_no_findings(path: Path) -> None:
    assert lint_findings(path.read_text("utf-8")) == {}


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_has_no_findings_after_pinning(path: Path) -> None:
    pinned = TemplateCase(path).expected_text.read_text("utf-8")

    assert lint_findings(pinned, unused=False) == {}
