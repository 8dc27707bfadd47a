"""Shorten the sleeps of a program: the AWS CLI polls CloudFormation every 5 s and every 30 s, and no option changes
that. Python loads this module if its folder is in PYTHONPATH; nothing else changes.
"""

import time

_MOST = 0.2  # seconds
_sleep = time.sleep


def _sleep_less(seconds: float) -> None:
    _sleep(min(seconds, _MOST))


time.sleep = _sleep_less
