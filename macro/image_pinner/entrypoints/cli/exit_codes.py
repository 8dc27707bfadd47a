"""Exit codes: what a script can tell from the number."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The numbers with which the command ends; all others are reserved."""

    DONE = 0
    FINDINGS = 1
    WRONG_USE = 2
    LOOKUP_FAILED = 3
    POLICY_DENIED = 4


MEANINGS = {
    ExitCode.DONE: "Done, or nothing found.",
    ExitCode.FINDINGS: (
        "Findings: the template has to be changed, templates still name the macro, or it is missing or broken."
    ),
    ExitCode.WRONG_USE: "Wrong use, or input that cannot be read or output that cannot be written.",
    ExitCode.LOOKUP_FAILED: "A look-up failed: an image is missing, or a registry or AWS did not answer.",
    ExitCode.POLICY_DENIED: "A policy of the operator denied an image; this outweighs 3, and 3 outweighs 1.",
}
