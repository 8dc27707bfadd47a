"""Configuration of all suites: no test uses a real AWS account, and every skip is reported."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

NO_SKIPS = "NO_SKIPS"
"""The variable with which every skipped test fails, for CI. Settings of the package start with `IMAGE_PINNER_`."""

EXCUSED_SKIPS = "EXCUSED_SKIPS"
"""The variable with a pattern of skip reasons that are allowed even then, such as programs that cannot be installed."""

_CORPUS = Path(os.environ.get("IMAGE_PINNER_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
_WITHOUT_ACCOUNT = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    # The servers of the tests listen on loopback, which a proxy cannot reach.
    "NO_PROXY": "127.0.0.1,localhost,::1",
}


def pytest_configure() -> None:
    """Remove the developer's AWS account and settings from the environment, before any test module is imported."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(_WITHOUT_ACCOUNT, no_proxy=_WITHOUT_ACCOUNT["NO_PROXY"])
    # The time of an example depends on the machine more than on the code.
    hypothesis.settings.register_profile(
        "no-clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("no-clock")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests of the corpus if it is missing."""
    if item.get_closest_marker("corpus") and not _CORPUS.is_dir():
        pytest.skip("the corpus of real templates is missing; set IMAGE_PINNER_CORPUS to its path")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test if skips are forbidden."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not _lacks_corpus(item, report):
        _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a skipped module if skips are forbidden."""
    report = yield
    if report.skipped:
        _forbid_skip(report)
    return report


def _lacks_corpus(item: pytest.Item, report: pytest.TestReport) -> bool:
    """Return whether a test was skipped for lack of the corpus, which is not part of the project."""
    needs_corpus = item.get_closest_marker("corpus") is not None or "corpus of real templates" in _reason(report)
    return needs_corpus and not _CORPUS.is_dir()


def _is_excused(report: pytest.TestReport | pytest.CollectReport) -> bool:
    pattern = os.environ.get(EXCUSED_SKIPS)
    return bool(pattern) and re.search(str(pattern), _reason(report)) is not None


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get(NO_SKIPS) and not _is_excused(report):
        report.outcome = "failed"
        report.longrepr = f"skipped, and {NO_SKIPS} is set: {_reason(report)}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many tests were skipped for each reason."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("skipped on this machine")
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number} {'test' if number == 1 else 'tests'}: {reason}")
