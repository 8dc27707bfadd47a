"""Runs of the command, in this process and without the world outside."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from click.testing import CliRunner

from image_pinner.cli.main import main
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry


@dataclass(frozen=True, slots=True)
class Run:
    """How the command ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """What came out, as text."""
        return self.out.decode()


def image_pinner(
    *arguments: str, resolvers: InMemoryRegistry | None = None, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Run:
    """Run `image-pinner` with a world in memory that knows every image, if no other is given."""
    asked = resolvers or InMemoryRegistry(has_every_image=True)

    def resolver_factory(settings: Settings, region: str) -> Resolvers:  # noqa: ARG001 - the signature of a WorldMaker
        return Resolvers(asked, asked)

    code = -1
    with CliRunner().isolation(stdin, env=_environment(env or {})) as (out, err, _):
        try:
            main(list(arguments), resolvers=resolver_factory)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
        return Run(code, out.getvalue(), err.getvalue().decode())


def _environment(given: Mapping[str, str]) -> dict[str, str | None]:
    """Return the environment of a run: nothing of whoever runs the tests that the command would look at."""
    own = {name: None for name in os.environ if name.startswith(("IMAGE_PINNER_", "AWS_", "NO_COLOR"))}
    return {**own, "AWS_REGION": "us-east-1", **given}
