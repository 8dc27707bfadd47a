"""Invoke a handler once like the Lambda runtime, in a Python interpreter without packages.

https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from types import SimpleNamespace
from typing import Any


def main(code: str, handler: str, about: dict[str, Any]) -> None:
    """Call a handler with the event from the standard input, and write its response to the original standard output."""
    ends = time.monotonic() + about["seconds"]
    # The output of a function is its log: only the response goes to the standard output.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # As in the runtime, the function's own packages take precedence over those of the runtime:
    # https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
    sys.path[:0] = [code]
    sys.path.append(about["runtime"])
    os.chdir(code)
    context = SimpleNamespace(
        aws_request_id=about["request_id"],
        invoked_function_arn=about["arn"],
        function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        memory_limit_in_mb=str(about["megabytes"]),
        log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        get_remaining_time_in_millis=lambda: max(0, int((ends - time.monotonic()) * 1000)),
    )
    try:
        module, _, name = handler.rpartition(".")
        function = getattr(importlib.import_module(module.replace("/", ".")), name)
        answer = json.dumps({"value": function(json.load(sys.stdin), context)})
    except BaseException as error:  # noqa: BLE001 - every exception is the error of the function
        trace = traceback.format_exception(error)
        sys.stderr.writelines(trace)
        answer = json.dumps({"error": {"errorMessage": str(error), "errorType": type(error).__name__}})
    sys.stdout.flush()
    answers.write(f'{answer[:-1]}, "megabytes": {_peak() / 1024:.1f}}}')
    answers.flush()
    # The service freezes the threads that a handler leaves running, and they do not delay the response.
    os._exit(0)


def _peak() -> int:
    """Return the peak memory of this process in kilobytes; getrusage includes that of the engine at the fork."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is for the function to load
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
