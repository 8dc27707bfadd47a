"""cfn-lint has nothing to say about the templates that users copy, before and after pinning."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.golden_cases import TemplateCase
from golden.golden_files import TEMPLATES
from support.lint import lint_findings
from support.sampling import sample

EXAMPLES = sample(sorted(TEMPLATES.iterdir()), 5)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_a_template_to_copy_is_clean(path: Path) -> None:
    assert lint_findings(path.read_text("utf-8")) == {}


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_a_template_to_copy_is_clean_when_it_is_pinned(path: Path) -> None:
    pinned = TemplateCase(path).expected_text.read_text("utf-8")

    assert lint_findings(pinned, unused=False) == {}
