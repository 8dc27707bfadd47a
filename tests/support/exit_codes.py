"""The exit codes of each subcommand: `docs/exit-codes.md` lists them, and a unit test runs each."""

from __future__ import annotations

from image_pinner.cli.console import ExitCode

_ALL = (ExitCode.DONE, ExitCode.USAGE_ERROR, ExitCode.INTERRUPTED)
_PINNING = (*_ALL, ExitCode.FINDINGS, ExitCode.LOOKUP_FAILED)
EXIT_CODES: dict[str, tuple[ExitCode, ...]] = {
    "pin": (*_PINNING, ExitCode.POLICY_DENIED),
    "update": (*_PINNING, ExitCode.POLICY_DENIED),
    "lock": (*_PINNING, ExitCode.POLICY_DENIED),
    "check": (*_PINNING, ExitCode.POLICY_DENIED),
    "rules": _ALL,
    "diff": (*_PINNING, ExitCode.POLICY_DENIED),
    "gate": (*_PINNING, ExitCode.POLICY_DENIED),
    "expand": _PINNING,
    "config": _ALL,
    "invoke": (*_PINNING, ExitCode.POLICY_DENIED),
    "demo": (*_ALL, ExitCode.FINDINGS),
    "install": (*_ALL, ExitCode.LOOKUP_FAILED),
    "upgrade": (*_ALL, ExitCode.LOOKUP_FAILED),
    "uninstall": _PINNING,
    "status": _PINNING,
    "completion": _ALL,
}
