"""Pinning adds no findings of cfn-lint, in small templates with every property."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import pytest

from corpus.corpus_pins import pinned, pinned_in_memory
from image_pinner.core.template.edits import Replace
from support.corpus import CORPUS, GENERATED, document, index, names
from support.lint import lint_findings
from support.sampling import sample

pytestmark = pytest.mark.corpus

SMALL = 6_000  # bytes; cfn-lint takes half a second for these and half a minute for the largest
OF_EACH_KIND = 2
PATHS = sorted({image.path for images in index().values() for image in images})
# Its reference, which App Runner does not accept, is the value of a parameter.
HIDDEN = "0607-nathanpeck+socket.io-chat-fargate-web.yml"


def small_templates(path: str) -> list[str]:
    """Return a few small templates with an image at a property path, the same ones in every run."""
    names_of_kind = [name for name in names() if path == min(image.path for image in index()[name])]
    small = (name for name in names_of_kind if (CORPUS / name).stat().st_size <= SMALL)
    return list(islice((name for name in small if pinned_in_memory(name, GENERATED).report.succeeded), OF_EACH_KIND))


@pytest.mark.parametrize("path", sample(PATHS, 5))
def test_pinning_adds_no_findings(path: str) -> None:
    for name in small_templates(path):
        assert rules_of(new_findings(name)) == set(), name


def test_a_finding_about_a_pinned_image_is_also_one_about_the_evaluated_reference() -> None:
    new = rules_of(new_findings(HIDDEN))
    written_out = lint_findings(with_references_written_out(HIDDEN))

    assert new == {"E3031"}
    assert new <= rules_of(written_out)


def new_findings(name: str) -> Mapping[str, int]:
    before = lint_findings((CORPUS / name).read_text("utf-8"))
    return lint_findings(pinned(name, GENERATED).text, unused=False) - before


def with_references_written_out(name: str) -> str:
    """Return a template with each image expression replaced by its value, without digests."""
    sites = [outcome.site for outcome in pinned_in_memory(name, GENERATED).report.outcomes]
    return document(name).apply([Replace(site.path, site.reference.written) for site in sites]).decode()


def rules_of(findings: Mapping[str, int]) -> set[str]:
    return {finding.partition(":")[0] for finding in findings}
