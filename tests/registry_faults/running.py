"""Runs of the real command on a template with two images: one at a registry that breaks, one at a good one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from image_pinner.cli.main import main
from registry_faults.faults import Fault
from registry_faults.scene import GOOD, Scene, Staged
from support.images import oci_image
from support.registries import sent

PATH = "Resources.Web.Properties.ContainerDefinitions[0].Image"
ROOT = Path(__file__).parents[2]
GOOD_MANIFEST = oci_image(layer=b"the layer of the good image")
_SETTINGS = ("IMAGE_PINNER_", "AWS_")
_REGION = {"AWS_REGION": "us-east-1"}
_TEMPLATE = """\
# A comment that stays.
Transform: ImagePinner
Resources:
  Good:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {{Name: good, Image: "!PinDigest {good}"}}
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: '!PinDigest {image}'   # the one that this is about
"""


@dataclass(frozen=True)
class Ran:
    """How the command ended, and what it left."""

    code: int
    out: str
    err: str
    seconds: float
    report: Mapping[str, Any]
    before: str
    after: str
    good: str
    staged: Staged
    scene: Scene

    @property
    def problem(self) -> Mapping[str, str]:
        """The only problem, as the report has it."""
        (problem,) = self.report["problems"]
        return dict(problem)

    @property
    def line(self) -> str:
        """The cause and the help that the command prints, without the location."""
        error, help_ = self.err.splitlines()[:2]
        return f"{error.partition(f': {PATH}: ')[2]}; {help_}"

    @property
    def budget(self) -> float:
        """The timeout of the run in seconds."""
        return float(self.scene.environment()["IMAGE_PINNER_TIMEOUT"])


Command = Callable[[Sequence[str], Mapping[str, str]], tuple[int, bytes, str]]
"""Runs the command with arguments and variables; returns exit code, output and errors."""


def in_this_process(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bytes, str]:
    """Run the command here. See `Command`."""
    code = -1
    own = {name: None for name in os.environ if name.startswith(_SETTINGS)}
    with CliRunner().isolation(env={**own, **_REGION, **environment}) as (out, err, _):
        try:
            main(list(arguments))
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, out.getvalue(), err.getvalue().decode()


def as_a_program(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bytes, str]:
    """Run the command in a process of its own. See `Command`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    program = [sys.executable, "-c", "from image_pinner.cli.main import main; main()"]
    ended = subprocess.run(
        [*program, *arguments],
        env={**own, "PYTHONPATH": str(ROOT / "macro"), **_REGION, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stdout, ended.stderr.decode()


def run(
    fault: Fault, scheme: str, directory: Path, *, in_place: bool = True, command: Command = in_this_process
) -> Ran:
    """Start the servers of a fault and run the command.

    Args:
        fault: The fault.
        scheme: The scheme of its registry.
        directory: An empty directory.
        in_place: Whether to edit the template in place instead of printing it.
        command: Runs the command.
    """
    with ExitStack() as stack:
        scene = Scene(directory, scheme, stack)
        staged = fault.play(scene)
        good = scene.serve(lambda _: sent(GOOD_MANIFEST), GOOD, scheme="http")
        image = " ".join(filter(None, (staged.options, staged.image)))
        text = _TEMPLATE.format(good=f"{good.host}/team/good:1", image=image)
        template, report = directory / "template.yaml", directory / "report.json"
        template.write_text(text, "utf-8")
        arguments = ["pin", str(template), "--report", str(report), *(["--in-place"] if in_place else [])]
        begun = time.monotonic()
        code, out, err = command(arguments, scene.environment())
        seconds = time.monotonic() - begun
        after = template.read_text("utf-8")
        printed = json.loads(report.read_text("utf-8"))
        return Ran(code, out.decode(), err, seconds, printed, text, after, good.host, staged, scene)
