"""The function's log has its records and nothing else, whatever a registry sends."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import threading
from typing import BinaryIO

import pytest

from image_pinner.sources.interface import Deadline
from support.lambda_runtime import event_of
from support.project import ROOT
from support.registries import Raw, ScriptedRegistry, local_request, open_transport
from support.untrusted_input import outcome

CANARY = "c4n4ry-s1gn4tur3"

# The root logger as Lambda's runtime sets it up, for the format `Text`, and as it calls the handler:
# https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/4.0.0/awslambdaric/bootstrap.py
FUNCTION = """
import json, logging, sys, time

class LambdaLoggerHandler(logging.Handler):
    def emit(self, record):
        sys.stdout.write(self.format(record))

class LambdaLoggerFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = "r"
        return True

logging.Formatter.converter = time.gmtime
handler = LambdaLoggerHandler()
handler.setFormatter(
    logging.Formatter("[%(levelname)s]\\t%(asctime)s.%(msecs)03dZ\\t%(aws_request_id)s\\t%(message)s\\n")
)
handler.addFilter(LambdaLoggerFilter())
logging.getLogger().addHandler(handler)

from image_pinner.lambda_macro import handler as module
logging.getLogger("urllib3").warning("this is logged before an event only, LOGGED")
response = module.handler(json.load(sys.stdin), None)
logging.getLogger("urllib3.connection").warning("%s", response)
logging.getLogger("botocore").error("%s", response)
assert response["status"] == "failure", response
"""


def _send(*lines: str) -> Raw:
    def write(wire: BinaryIO, _: threading.Event) -> None:
        wire.write("\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode())

    return Raw(write)


HOSTILE = {
    "a line without a colon": _send(f"{CANARY} {'x' * 30_000}", "Content-Length: 0"),
    "a first line that continues": _send(f" {CANARY}", "Content-Length: 0"),
    "a multipart body": _send(f"Content-Type: multipart/mixed; boundary={CANARY}", "Content-Length: 0"),
    "two lengths": _send("Content-Length: 0", "Transfer-Encoding: chunked", f"X-{CANARY}: 1"),
    "an invalid length": _send(f"Content-Length: {CANARY}"),
    "different lengths": _send("Content-Length: 0, 5", f"X: {CANARY}"),
    "an encoding": _send("Content-Length: 9", f"Content-Encoding: {CANARY}"),
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_the_log_has_one_line_without_what_the_registry_sent(answer: Raw) -> None:
    with ScriptedRegistry(lambda _: answer) as server:
        event = event_of(f"{server.host}/team/app:1")
        environment = {"PYTHONPATH": str(ROOT / "macro"), "IMAGE_PINNER_INSECURE_REGISTRIES": server.host}
        ran = subprocess.run(
            [sys.executable, "-c", FUNCTION],
            input=json.dumps(event),
            env={**environment, "IMAGE_PINNER_TIMEOUT": "3"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert server.seen
    before, line = ran.stdout.splitlines()
    assert "LOGGED" in before
    assert json.loads(line)["failure"] == "lookup"
    assert CANARY not in line


# urllib3 leaves the socket of a response open that it refuses for its headers.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_no_library_logs_the_url_or_the_headers_of_a_response(answer: Raw, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with ScriptedRegistry(lambda _: answer) as server, open_transport() as transport:
        sent = outcome(transport.send, local_request(f"{server.url}/blob?signature={CANARY}"), Deadline.after(3))
    assert server.seen
    gc.collect()
    assert CANARY not in str(sent)
    assert CANARY not in caplog.text


def test_a_cli_user_keeps_the_logging_of_the_process() -> None:
    """Only the function's handler changes it: `invoke` and other programs import the module."""
    code = (
        "import logging; logging.basicConfig(); before = list(logging.getLogger().handlers)\n"
        "import image_pinner.cli.main, image_pinner.lambda_macro.handler, image_pinner.registry_assembly\n"
        "assert logging.getLogger().handlers == before\n"
        "assert logging.getLogger('urllib3').propagate and logging.getLogger('urllib3').level == logging.NOTSET"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "macro")}, check=True, timeout=60)
