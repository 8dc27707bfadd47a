"""What all suites share: no test reaches a real AWS account, and nothing is skipped in silence."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

NO_SKIPS = "NO_SKIPS"
"""The variable that makes a failure of every skip, for CI. Settings of the product begin with `IMAGE_PINNER_`."""

EXCUSED_SKIPS = "EXCUSED_SKIPS"
"""The variable with a pattern of reasons that are good even there: what nothing can install on that machine."""

_CORPUS = Path(os.environ.get("IMAGE_PINNER_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
_NOBODYS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    # Servers of tests listen on loopback, where a proxy of this machine cannot reach them.
    "NO_PROXY": "127.0.0.1,localhost,::1",
}


def pytest_configure() -> None:
    """Take the developer's own AWS account and settings out of the environment, before any test module is read."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(_NOBODYS, no_proxy=_NOBODYS["NO_PROXY"])
    # How long an example takes says more about the machine than about the code.
    hypothesis.settings.register_profile(
        "no-clock", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("no-clock")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests of the corpus where it is missing."""
    if item.get_closest_marker("corpus") and not _CORPUS.is_dir():
        pytest.skip("the corpus of real templates is not here; IMAGE_PINNER_CORPUS says where it is")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a failure of a skipped test where nothing may be skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and not _lacks_corpus(item, report):
        _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a failure of a skipped module where nothing may be skipped."""
    report = yield
    if report.skipped:
        _forbid_skip(report)
    return report


def _lacks_corpus(item: pytest.Item, report: pytest.TestReport) -> bool:
    """Tell whether a test is excused: the corpus is no part of the project, and nothing installs it."""
    asked_for = item.get_closest_marker("corpus") is not None or "corpus of real templates" in _reason(report)
    return asked_for and not _CORPUS.is_dir()


def _is_excused(report: pytest.TestReport | pytest.CollectReport) -> bool:
    pattern = os.environ.get(EXCUSED_SKIPS)
    return bool(pattern) and re.search(str(pattern), _reason(report)) is not None


def _forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get(NO_SKIPS) and not _is_excused(report):
        report.outcome = "failed"
        report.longrepr = f"skipped, and {NO_SKIPS} is set: {_reason(report)}"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return told.removeprefix("Skipped: ")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what this machine could not run, and why: one line a reason."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("skipped on this machine")
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"{number} {'test' if number == 1 else 'tests'}: {reason}")
