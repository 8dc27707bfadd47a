"""How long 200 tags take in a registry that is 20 ms away, and what they cost it; skopeo is asked the same.

All contenders ask the same proxy, each in processes of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.delaying_proxy import DelayingProxy, Traffic, delaying_proxy
from image_pinner.core.images.lookups import OCI_MANIFEST
from image_pinner.core.images.references import Digest
from support.images import oci_image
from support.registry_program import PROGRAM, DockerRegistry, docker_registry

REPOSITORIES, TAGS, LATENCY = 20, 10, 0.020
AIM, MOST_CONNECTIONS, MOST_MEGABYTES = 0.45, 20, 80
ROUNDS, SKOPEO_ROUNDS, WARM = 5, 2, 3
# Skopeo is bound by the processors from 8 processes on; more at once neither help nor hurt it.
SKOPEO_AT_ONCE = 16
BARE_CONNECTIONS = 16
_ALL = REPOSITORIES * TAGS
_LAYER = b"layer"


class Run(NamedTuple):
    """One run of a contender: the seconds that it took, those of its whole process or processes, and its traffic."""

    seconds: float
    with_start: float
    traffic: Traffic


@dataclass(frozen=True)
class Contest:
    """The registry behind its proxy, and what is in it."""

    proxy: DelayingProxy
    digests: Mapping[tuple[str, str], str]

    def ours(self) -> Run:
        """Ask with our resolver, in a process that asks once."""
        return self._program("registry_questions.py", self._references(), 1)[0]

    def warm(self) -> tuple[float, float]:
        """Ask with our resolver several times, and give the least seconds after the first time, and the megabytes."""
        run, told = self._program("registry_questions.py", self._references(), WARM)
        _check("a warm process", run.traffic.manifest_gets == WARM * _ALL, run.traffic)
        return min(told["seconds"][1:]), told["megabytes"]

    def bare(self) -> Run:
        """Ask without any library."""
        paths = [f"/v2/{repository}/manifests/{tag}" for repository, tag in self.digests]
        return self._program("bare_requests.py", paths, BARE_CONNECTIONS)[0]

    def skopeo(self) -> Run:
        """Ask with skopeo, a process for each tag and several at once."""
        command = ["skopeo", "inspect", "--raw", "--no-creds", "--cert-dir", str(self.proxy.ca_file.parent)]
        begun = time.perf_counter()
        with ThreadPoolExecutor(SKOPEO_AT_ONCE) as pool:
            manifests = list(pool.map(lambda one: _output([*command, f"docker://{one}"]), self._references()))
        seconds = time.perf_counter() - begun
        _check("skopeo", [str(Digest.of(manifest)) for manifest in manifests] == list(self.digests.values()))
        return Run(seconds, seconds, self.proxy.traffic())

    def _references(self) -> list[str]:
        return [f"{self.proxy.host}/{repository}:{tag}" for repository, tag in self.digests]

    def _program(self, name: str, asked: Sequence[str], number: int) -> tuple[Run, dict[str, Any]]:
        program = str(Path(__file__).with_name(name))
        begun = time.perf_counter()
        output = _output(
            [sys.executable, program, self.proxy.host, str(self.proxy.ca_file), str(number)], "\n".join(asked).encode()
        )
        whole = time.perf_counter() - begun
        told = json.loads(output)
        _check(name, told["digests"] == list(self.digests.values()))
        return Run(told["seconds"][0], whole, self.proxy.traffic()), told


def figures() -> Iterator[str]:
    """Measure, and give lines for people."""
    missing = [program for program in (PROGRAM, "skopeo") if shutil.which(program) is None]
    if missing:
        yield f"{_ALL} tags in {REPOSITORIES} repositories: not measured, {' and '.join(missing)} not installed"
        return
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with (
            docker_registry(directory, in_memory=True) as registry,
            delaying_proxy(directory, registry.host, LATENCY) as proxy,
        ):
            yield from _told(Contest(proxy, _fill(registry)))


def _fill(registry: DockerRegistry) -> dict[tuple[str, str], str]:
    """Push images that all differ, past the proxy, and give their digests."""
    digests = {}
    for repository in (f"team/app-{number}" for number in range(REPOSITORIES)):
        registry.push_blob(repository, _LAYER)
        for tag in (f"1.{number}" for number in range(TAGS)):
            config = json.dumps({"of": f"{repository}:{tag}"}).encode()
            manifest = oci_image(config, _LAYER)
            registry.push_manifest(repository, manifest, OCI_MANIFEST, tag=tag, blobs=[config])
            digests[repository, tag] = str(Digest.of(manifest))
    return digests


def _told(contest: Contest) -> Iterator[str]:
    bare, ours, skopeo = [], [], []
    contest.bare()  # The registry's first answers are slower.
    for number in range(ROUNDS):
        bare.append(contest.bare())
        ours.append(contest.ours())
        if number < SKOPEO_ROUNDS:
            skopeo.append(contest.skopeo())
    warm, megabytes = contest.warm()
    for run in ours:
        _check("our resolver", run.traffic.manifest_gets == run.traffic.requests == _ALL, run.traffic)
        _check("our resolver", run.traffic.most_at_once <= MOST_CONNECTIONS, run.traffic)
    best, floor, other = min(ours), min(bare), min(skopeo)
    whole = min(run.with_start for run in ours)
    yield (
        f"{_ALL} tags in {REPOSITORIES} repositories, TLS, {LATENCY * 1000:.0f} ms: {best.seconds:.2f} s "
        f"(aim: under {AIM} s), {warm:.2f} s in a process that is used again, {whole:.2f} s with the "
        f"process's start; {best.traffic.requests} requests, all for manifests, "
        f"{max(run.traffic.connections for run in ours)} connections (aims: {_ALL}, at most {MOST_CONNECTIONS})"
    )
    yield (
        f"the same with skopeo: {other.seconds:.1f} s, {other.traffic.requests} requests, "
        f"{other.traffic.connections} connections: our time with the process's start is "
        f"1/{other.seconds / whole:.0f} of it"
    )
    yield (
        f"the same with {BARE_CONNECTIONS} bare TLS connections: {floor.seconds:.2f} s: "
        f"our time is {best.seconds / floor.seconds:.2f} times that"
    )
    yield (
        f"memory of the handler after {WARM} such runs and with an ECR client: {megabytes:.0f} MB "
        f"(aim: under {MOST_MEGABYTES} MB)"
    )


def _output(command: Sequence[str], sent: bytes = b"") -> bytes:
    macro = Path(__file__).parents[2] / "macro"
    environment = {**os.environ, "PYTHONPATH": str(macro), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(command, input=sent, stdout=subprocess.PIPE, check=True, env=environment).stdout


def _check(who: str, holds: bool, traffic: Traffic | None = None) -> None:  # noqa: FBT001 - what a check is about
    if not holds:
        raise AssertionError(
            f"{who} gave other answers or asked otherwise than expected: {traffic or 'digests differ'}"
        )
