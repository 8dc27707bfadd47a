"""Run functions for the engine: a new process for each invocation, with the environment of the function only.

The engine loads this module in its own environment. The tests write its settings to a file (`SETTINGS`), and may change
them between two invocations: the Python interpreter, the endpoints, and the path of the journal.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import service_facts
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

SETTINGS = "IMAGE_PINNER_E2E_SETTINGS"
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


class ProcessExecutor(RuntimeExecutor):
    """An execution environment with a process for each invocation."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002 - the name is that of the engine
        super().__init__(id, function_version)
        self._environment: dict[str, str] = {}
        self._logs = ""

    def start(self, env_vars: dict[str, str]) -> None:
        self._environment = {name: str(value) for name, value in env_vars.items() if value is not None}

    def stop(self) -> None:
        """Do nothing, because no process runs between two invocations."""

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return "http://127.0.0.1/nobody-asks-here"

    def get_logs(self) -> str:
        return self._logs

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Do nothing, because the engine removes the code itself."""

    def invoke(self, payload: dict[str, Any], **_: Any) -> InvocationResult:
        request_id, text = payload["invoke-id"], payload["payload"]
        settings = json.loads(Path(os.environ[SETTINGS]).read_text("utf-8"))
        event = json.loads(text) if text else None
        given = service_facts.as_the_service_sends(event) if service_facts.is_macro_event(event) else event
        answer, entry = self._run(given, request_id, settings)
        violations: list[str] = []
        if given is not event and "value" in answer:
            violations = service_facts.violations(given, answer["value"])
            if violations:
                answer = {"error": {"errorType": "ServiceFact", "errorMessage": "; ".join(violations)}}
        _note(settings, {**entry, "requestId": request_id, "event": sorted(event or {}), "violations": violations})
        result = answer["value"] if "value" in answer else answer["error"]
        return InvocationResult(
            request_id=request_id,
            payload=json.dumps(result).encode(),
            is_error="error" in answer,
            logs=self._logs,
        )

    def _run(self, event: Any, request_id: str, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        config = self.function_version.config
        code = str(config.code.get_unzipped_code_location())
        about = {
            "request_id": request_id,
            "arn": self.function_version.id.qualified_arn(),
            "seconds": config.timeout,
            "megabytes": config.memory_size,
            "runtime": settings["runtime"],
        }
        command = [settings["python"], "-I", "-S", "-B", str(_BOOTSTRAP), code, config.handler, json.dumps(about)]
        # Requests to loopback must not pass through a proxy of this machine, and no other host is used.
        environment = {**self._environment, **settings["environment"], "NO_PROXY": "127.0.0.1"}
        begun = time.monotonic()
        with tempfile.TemporaryFile() as logs:
            answer, usage = _ended(command, environment, json.dumps(event).encode(), config.timeout, logs)
            logs.seek(0)
            self._logs = logs.read().decode("utf-8", "replace")
        if answer is None:
            reported = f"{request_id} Task timed out after {config.timeout}.00 seconds"
            answer = {"error": {"errorMessage": reported}}
        entry = {
            "function": self.function_version.id.function_name,
            "qualifier": self.function_version.id.qualifier,
            "seconds": round(time.monotonic() - begun, 3),
            "megabytes": usage,
            "error": answer.get("error", {}).get("errorMessage", ""),
        }
        return answer, entry


class ProcessPlugin(RuntimeExecutorPlugin):
    """Provides the executor to the engine, which loads it by this name."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> type[ProcessExecutor]:
        return ProcessExecutor


def _ended(
    command: list[str], environment: dict[str, str], event: bytes, seconds: float, logs: Any
) -> tuple[dict[str, Any] | None, float]:
    """Run a function until it exits or times out; return its response, `None` after a timeout, and its memory."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=logs, env=environment, cwd="/"
    ) as process:
        try:
            reported, _ = process.communicate(event, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None, 0.0
    if not reported:
        error = f"RequestId: Error: Runtime exited with error: exit status {process.returncode}"
        return {"error": {"errorType": "Runtime.ExitError", "errorMessage": error}}, 0.0
    answer = json.loads(reported)
    return answer, answer.pop("megabytes")


def _note(settings: dict[str, Any], entry: dict[str, Any]) -> None:
    with Path(settings["journal"]).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(entry) + "\n")
