"""Runs the steps of a composite action as GitHub does, except those that use other actions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from support.project import ROOT
from support.repository import Repository, require_program

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
INSTALL = "Install ImagePinner"
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
_TOKEN = re.compile(r"'[^']*'|&&|[=!]=|[\w.-]+")


class ActionRun:
    """A run of the action in a repository, with the program of this environment.

    Args:
        repository: The checked out repository.
        inputs: The inputs that the workflow sets.
        event: The values of `github` in expressions, such as `event_name`.
    """

    def __init__(
        self, repository: Repository, inputs: Mapping[str, str], event: Mapping[str, str] | None = None
    ) -> None:
        self.steps: list[str] = []
        """What was run or used, in order: the names of steps, and other actions."""
        self.failed = ""
        """The name of the step that failed, or empty."""
        self.log = ""
        """The output of all steps."""
        self.summary = ""
        """The summary of the job, in Markdown."""
        assert set(inputs) <= set(ACTION["inputs"]), "unknown input"
        defaults = {name: one["default"] for name, one in ACTION["inputs"].items()}
        self._values = {f"inputs.{name}": value for name, value in {**defaults, **inputs}.items()}
        self._values |= {f"github.{name}": value for name, value in {"token": "secret", **(event or {})}.items()}
        self._temp = repository.folder.parent / "runner"
        program = self._temp / "image-pinner" / "bin" / "image-pinner"
        program.parent.mkdir(parents=True)
        program.symlink_to(require_program("image-pinner", repository.environment["PATH"]))
        for step in ACTION["runs"]["steps"]:
            self._run(repository, step)

    def _run(self, repository: Repository, step: dict[str, Any]) -> None:
        if self.failed or not self._holds(step.get("if", "")):
            return
        self.steps.append(step.get("name") or step["uses"].partition("@")[0])
        if "uses" in step or step["name"] == INSTALL:
            return
        assert step["shell"] == "bash"
        output, summary = self._temp / "output", self._temp / "summary"
        output.write_text("", "utf-8")
        runner = {
            "RUNNER_TEMP": str(self._temp),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_REPOSITORY": "shop/templates",
            "GITHUB_ACTIONS": "true",
        }
        environment = {name: self._text(value) for name, value in step.get("env", {}).items()}
        run = repository.run_script(step["run"], code=range(256), env={**runner, **environment})
        self.log += run.stdout + run.stderr
        self.failed = step["name"] if run.returncode else ""
        self.summary = summary.read_text("utf-8") if summary.exists() else ""
        for line in output.read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            self._values[f"steps.{step['id']}.outputs.{name}"] = value

    def _text(self, value: str) -> str:
        return _EXPRESSION.sub(lambda found: self._first_of(found[1].split(" || ")), value)

    def _first_of(self, names: Sequence[str]) -> str:
        return next((text for name in names if (text := self._values.get(name, ""))), "")

    def _holds(self, condition: str) -> bool:
        """Evaluate an expression of comparisons that are joined by `&&`."""
        expression = _EXPRESSION.sub(lambda found: found[1], condition)
        words = [
            self._values.get(word, "" if word.startswith("steps.") else word.strip("'"))
            for word in _TOKEN.findall(expression)
        ]
        parts = " ".join(repr(word) if word not in {"&&", "==", "!="} else word for word in words).split(" && ")
        comparisons = [re.fullmatch(r"('.*?') (==|!=) ('.*?')", part) for part in parts if part]
        assert all(comparisons), condition
        return all((found[1] == found[3]) is (found[2] == "==") for found in comparisons if found)
