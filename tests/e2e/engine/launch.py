"""Run a module as a program that exits with its parent: `python launch.py MODULE ARGUMENT…`.

A killed test run cannot stop its child processes. Linux stops them after a call of prctl:
https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Request the signal for the exit of the parent, and run the module."""
    parent = int(os.environ["IMAGE_PINNER_E2E_PARENT"])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have exited before the call.
    if os.getppid() != parent:
        sys.exit("whoever started this has ended")
    module, sys.argv = sys.argv[1], sys.argv[1:]
    # The program must not import the other modules of this folder.
    del sys.path[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
