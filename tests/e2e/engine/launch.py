"""Runs a module as a program that ends with its parent: `python launch.py MODULE ARGUMENT…`.

A test run that is killed cannot stop what it has started. Linux does it, if it is asked to:
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
    """Ask for the signal, and become the module."""
    parent = int(os.environ["IMAGE_PINNER_E2E_PARENT"])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have ended before it could be asked for.
    if os.getppid() != parent:
        sys.exit("whoever started this has ended")
    module, sys.argv = sys.argv[1], sys.argv[1:]
    # What lies beside this file is no part of the program.
    del sys.path[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
