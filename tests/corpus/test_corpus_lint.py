"""cfn-lint reports nothing after pinning that it did not report before: on a sample, since it takes its time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import pytest

from corpus.corpus_pins import pinned, pinned_in_memory
from corpus.corpus_templates import CORPUS, MADE_UP, document, index, names, needs_corpus
from golden.lint_findings import lint_findings
from image_pinner.core.template.edits import Replace

pytestmark = needs_corpus

SMALL = 6_000  # bytes; cfn-lint takes half a second for these and half a minute for the largest
OF_EACH_KIND = 2
PATHS = sorted({image.path for images in index().values() for image in images})
# Its reference is one that App Runner does not take, hidden behind a parameter.
HIDDEN = "0607-nathanpeck+socket.io-chat-fargate-web.yml"


@cache
def sample() -> Mapping[str, list[str]]:
    """Give a few small templates for each property that holds an image: each template once, the same every time."""
    by_path: defaultdict[str, list[str]] = defaultdict(list)
    for name in names():
        if (CORPUS / name).stat().st_size <= SMALL and pinned_in_memory(name, MADE_UP).report.succeeded:
            by_path[min(image.path for image in index()[name])].append(name)
    by_path = {path: found[:: max(1, len(found) // OF_EACH_KIND)] for path, found in by_path.items()}
    return {path: by_path.get(path, []) for path in PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_cfn_lint_has_nothing_new_to_say(path: str) -> None:
    for name in sample()[path]:
        assert rules_of(new_findings(name)) == set(), name


def test_cfn_lint_says_of_a_pinned_image_what_it_says_of_the_reference_written_out() -> None:
    new = rules_of(new_findings(HIDDEN))
    written_out = lint_findings(with_references_written_out(HIDDEN))

    assert new == {"E3031"}
    assert new <= rules_of(written_out)


def new_findings(name: str) -> Mapping[str, int]:
    before = lint_findings((CORPUS / name).read_text("utf-8"))
    return lint_findings(pinned(name, MADE_UP).text, used_or_not=False) - before


def with_references_written_out(name: str) -> str:
    """Give a template with each image's expression replaced by what it comes to, and no digest."""
    sites = [outcome.site for outcome in pinned_in_memory(name, MADE_UP).report.outcomes]
    return document(name).apply([Replace(site.path, site.reference.written) for site in sites]).decode()


def rules_of(findings: Mapping[str, int]) -> set[str]:
    return {finding.partition(":")[0] for finding in findings}
