"""Runs the command in this process, without network requests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError
from click.testing import CliRunner

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment.aws import ClientFactory
from image_pinner.cli.deployment.session import AwsEnvironment
from image_pinner.cli.image_details import ImageDetails
from image_pinner.cli.main import main
from image_pinner.core.images.lookups import Unavailable
from image_pinner.core.images.references import ImageReference
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline, GateSource, NothingKnown

_READ = ("IMAGE_PINNER_", "AWS_", "NO_COLOR", "FORCE_COLOR", "DOCKER_", "REGISTRY_AUTH_FILE", "XDG_")
"""The prefixes of the variables that the command reads."""


@dataclass(frozen=True, slots=True)
class Run:
    """The exit code and the output of a run."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as a string."""
        return self.out.decode()


class SignedOut:
    """The clients of a user without credentials. See `ClientFactory`."""

    def client(self, service: str, region: str) -> Any:  # noqa: ARG002 - the signature of a ClientFactory
        raise NoCredentialsError


class NoDetails:
    """Registries that record neither tags nor age. See `ImageDetailsSource`."""

    def read_details(
        self,
        images: Collection[ImageReference],
        deadline: Deadline,  # noqa: ARG002 - the signature of an ImageDetailsSource
    ) -> Mapping[ImageReference, ImageDetails | Unavailable]:
        return dict.fromkeys(images, Unavailable("nothing is recorded", ""))


def image_pinner(
    *arguments: str,
    resolvers: InMemoryRegistry | None = None,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    aws: ClientFactory | None = None,
    gates: GateSource | None = None,
) -> Run:
    """Run `image-pinner` with a registry in memory; by default one that has every image, and no AWS credentials."""
    registry = resolvers or InMemoryRegistry(has_every_image=True)

    def resolver_factory(settings: Settings, region: str) -> Resolvers:  # noqa: ARG001 - see `ResolverFactory`
        return Resolvers(registry, registry, registry.deployments, registry, gates=gates or NothingKnown())

    environment = AwsEnvironment(aws or SignedOut(), "us-east-1")
    dependencies = Dependencies(resolver_factory, environment, image_details=NoDetails())
    return run_main(arguments, dependencies, stdin, {"AWS_REGION": "us-east-1", **(env or {})})


def run_main(
    arguments: Sequence[str], dependencies: Dependencies, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> Run:
    """Run `main` with the variables `env`, and without those of the test process that the command would read."""
    hidden = {name: None for name in os.environ if name.startswith(_READ) or name.lower().endswith("_proxy")}
    code = -1
    with CliRunner().isolation(stdin, env={**hidden, **(env or {})}) as (out, err, _):
        try:
            main(list(arguments), dependencies=dependencies)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
        return Run(code, out.getvalue(), err.getvalue().decode())


def run_on_terminal(program: str, *arguments: str, env: Mapping[str, str], typed: str = "") -> tuple[int, str]:
    """Run a Python program on a pseudo terminal; return the exit code and what the terminal shows."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=env,
    ) as process:
        os.close(follower)
        os.write(leader, typed.encode())
        shown = b""
        while chunk := _read_terminal(leader):
            shown += chunk
    os.close(leader)
    return process.returncode, shown.decode()


def _read_terminal(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:
        # Linux raises this after the last process has closed its end.
        return b""
