"""Makes a program wait shorter: the AWS CLI asks every 5 s and every 30 s whether CloudFormation is done, and no option
of it says otherwise. Loaded by any Python that has this folder in PYTHONPATH; all else is as it is.
"""

import time

_MOST = 0.2  # seconds
_sleep = time.sleep


def _sleep_less(seconds: float) -> None:
    _sleep(min(seconds, _MOST))


time.sleep = _sleep_less
