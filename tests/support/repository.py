"""Git repositories of users, and the programs that run in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
"""Where the programs of this environment are."""
UNPINNED = """\
Transform: ImagePinner
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: nginx:1.27
"""
MARKED = UNPINNED.replace("nginx:1.27", '"!PinDigest nginx:1.27"')


_PATH = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def require_program(name: str, path: str = _PATH) -> str:
    """Return where a program is; skip the test if it is not installed."""
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Repository:
    """A Git repository in a folder, and programs that run in it without the configuration of the user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "HOME": str(folder.parent),
            "PATH": _PATH,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_{field}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")},
        }
        folder.mkdir()
        self.run(require_program("git"), "init", "--quiet", "--initial-branch=main")

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def commit(self, message: str = "Change the templates") -> str:
        """Commit all files, and return the ID of the commit."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--no-verify", "--message", message)
        return self.run("git", "rev-parse", "HEAD").stdout.strip()

    def run(
        self, *command: str, code: int | Sequence[int] = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program, which must end with this code or one of them."""
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.folder,
            env={**self.environment, **(env or {})},
        )
        assert run.returncode in ([code] if isinstance(code, int) else code), run.stdout + run.stderr
        return run

    def run_script(
        self, script: str, *, code: int | Sequence[int] = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub runs those with `shell: bash`: it ends with the first command that fails."""
        return self.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script, code=code, env=env)
