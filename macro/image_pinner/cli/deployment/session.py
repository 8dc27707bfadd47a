"""What a deployment works with: AWS, a console and a clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from image_pinner.cli.deployment.aws import AwsApi, ClientFactory
from image_pinner.core.errors import SourceError

T = TypeVar("T")


class Console(Protocol):
    """Shows progress to the user and prompts for confirmation."""

    def print(self, text: str, style: str = "") -> None:
        """Print a line. `style` is a color, used if the stream supports it."""

    def progress(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show `text` while the block runs, on a terminal only; call the result to replace the text."""

    def confirm(self, prompt: str) -> bool:
        """Prompt whether to continue."""


@dataclass(frozen=True, slots=True)
class AwsEnvironment:
    """The AWS environment that a command runs in; `region` is the default region, or empty."""

    clients: ClientFactory
    region: str
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class DeploymentSession:
    """The AWS API, the console and the clock of one command; `now` is in seconds since 1970."""

    api: AwsApi
    console: Console
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def poll_until(
        self, check: Callable[[], T | None], *, interval: float, timeout: float, timeout_error: SourceError
    ) -> T:
        """Call `check` every `interval` seconds until it returns a value; raise `timeout_error` after `timeout`."""
        deadline = self.now() + timeout
        while self.now() < deadline:
            result = check()
            if result is not None:
                return result
            self.sleep(interval)
        raise timeout_error


class DeploymentOutcome(Enum):
    """How a deployment ended, with the word that is printed for it."""

    DONE = "done"
    UNCHANGED = "no changes"
    DRY_RUN = "dry run"
    DECLINED = "canceled"
