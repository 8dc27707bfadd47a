"""What the work needs beside AWS: a clock, and a person to tell and to ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from image_pinner.cli.deployment.aws_access import Asker


class Teller(Protocol):
    """Tells a person, or a log, what happens."""

    def line(self, text: str, style: str = "") -> None:
        """Write a line that stays.

        Args:
            text: The line.
            style: A colour, where there may be colour.
        """

    def live(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show a text that changes while something is under way, on a terminal only.

        Args:
            text: The text to begin with.

        Returns:
            Gives what replaces the text.
        """

    def agrees(self, question: str) -> bool:
        """Ask whether to go on."""


class Surroundings(NamedTuple):
    """Who is asked, who is told, and what time it is.

    Args:
        asker: Asks AWS.
        teller: Tells the user.
        now: Gives the seconds since 1970.
        sleep: Waits for some seconds.
    """

    asker: Asker
    teller: Teller
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
