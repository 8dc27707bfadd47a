"""`check` and `pin` agree on real templates, and what `check` suggests passes both, and cfn-lint."""

from __future__ import annotations

import pytest

from support.agreement import assert_check_and_pin_agree, assert_fixes_pass, checked, fixes_of
from support.corpus import CORPUS, document, generated_values, names, sampled_names, tree
from support.lint import lint_findings
from support.sampling import sample

pytestmark = pytest.mark.corpus

SMALL = 4_000  # bytes; cfn-lint takes half a second for these


@pytest.mark.parametrize("name", sampled_names())
def test_check_and_pin_agree(name: str) -> None:
    for pin in ("", "All"):
        assert_check_and_pin_agree(tree(name), generated_values(name), pin)


@pytest.mark.parametrize("name", sampled_names())
def test_fixes_pass_check_and_pin(name: str) -> None:
    assert_fixes_pass(tree(name), generated_values(name))


def test_many_templates_have_fixes() -> None:
    found = {name: checked(tree(name), generated_values(name)) for name in sampled_names()}
    assert sum(bool(fixes_of(each)) for each in found.values()) > len(found) / 4


@pytest.mark.parametrize("name", sample([name for name in names() if (CORPUS / name).stat().st_size < SMALL], 4))
def test_fixes_add_no_findings_of_cfn_lint(name: str) -> None:
    before = (CORPUS / name).read_text("utf-8")
    fixed = document(name).apply(fixes_of(checked(tree(name), generated_values(name)))).decode()
    assert set(lint_findings(fixed) - lint_findings(before)) == set()
