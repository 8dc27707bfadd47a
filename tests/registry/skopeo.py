"""Digests by skopeo, as a second opinion: https://github.com/containers/skopeo."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest
from support.registry_program import DockerRegistry

PROGRAM = "skopeo"
LINUX = Platform("linux", "amd64")
_ENDS_WITHIN = 30.0  # seconds; it takes 30 ms


@dataclass(frozen=True)
class Skopeo:
    """Skopeo with a trusted registry, and credentials if a file has them.

    It takes no IPv6 address in the name of an image before version 1.14.
    """

    registry: DockerRegistry
    authfile: Path | None = None

    def raw(self, image: str) -> bytes:
        """Return the bytes of what the name of an image, without its registry, means."""
        return self._inspected(image, ("--raw",))

    def digest(self, image: str) -> Digest:
        """Return the digest that it computes."""
        return Digest(self._inspected(image, ("--no-tags", "--format", "{{.Digest}}")).decode().strip())

    def config(self, image: str, platform: Platform) -> bytes:
        """Return the config of the image that it takes for a platform."""
        return self._inspected(image, ("--config", "--raw"), platform)

    def refusal(self, image: str) -> str:
        """Return its message about an image that it cannot get."""
        run = self._run(image, ("--raw",))
        assert run.returncode != 0
        return run.stderr.decode()

    def _inspected(self, image: str, what: Sequence[str], platform: Platform = LINUX) -> bytes:
        run = self._run(image, what, platform)
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout

    def _run(self, image: str, what: Sequence[str], platform: Platform = LINUX) -> subprocess.CompletedProcess[bytes]:
        program = shutil.which(PROGRAM)
        if program is None:
            pytest.skip(f"{PROGRAM} is not installed")
        ca_file = self.registry.ca_file
        wanted = ("--override-os", platform.os, "--override-arch", platform.architecture)
        variant = ("--override-variant", platform.variant) if platform.variant else ()
        trust = ("--cert-dir", str(ca_file.parent)) if ca_file else ("--tls-verify=false",)
        auth_file = ("--authfile", str(self.authfile)) if self.authfile else ("--no-creds",)
        named = f"docker://{self.registry.host}/{image}"
        command = (program, *wanted, *variant, "inspect", *what, *trust, *auth_file, named)
        return subprocess.run(command, check=False, capture_output=True, timeout=_ENDS_WITHIN)
