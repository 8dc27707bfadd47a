"""Time and requests for 200 tags in a registry with a latency of 20 ms, compared with skopeo and bare connections.

All clients use the same proxy, each in its own processes.
"""

from __future__ import annotations

import json
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
from benchmarks.processes import environment
from image_pinner.core.images.lookups import OCI_MANIFEST
from image_pinner.core.images.references import Digest
from support.images import oci_image
from support.registry_program import PROGRAM, DockerRegistry, docker_registry

REPOSITORIES, TAGS, LATENCY = 20, 10, 0.020
TARGET_SECONDS, MAX_CONNECTIONS, MAX_MEGABYTES = 0.45, 20, 80
ROUNDS, SKOPEO_ROUNDS, WARM = 5, 2, 3
# From 8 processes on, skopeo is limited by the processors.
SKOPEO_AT_ONCE = 16
BARE_CONNECTIONS = 16
_ALL = REPOSITORIES * TAGS
_LAYER = b"layer"


class Run(NamedTuple):
    """One run of a client: its seconds without and with the start of its processes, and its traffic."""

    seconds: float
    with_start: float
    traffic: Traffic


@dataclass(frozen=True)
class Comparison:
    """The clients of a registry behind a proxy, with the expected digests."""

    proxy: DelayingProxy
    digests: Mapping[tuple[str, str], str]

    def ours(self) -> Run:
        """Run our resolver once in a new process."""
        return self._program("registry_lookups.py", self._references(), 1)[0]

    def warm(self) -> tuple[float, float]:
        """Run our resolver several times; return the fewest seconds after the first run, and the megabytes."""
        run, result = self._program("registry_lookups.py", self._references(), WARM)
        _check("a warm process", run.traffic.manifest_gets == WARM * _ALL, run.traffic)
        return min(result["seconds"][1:]), result["megabytes"]

    def bare(self) -> Run:
        """Run the requests without an HTTP library."""
        paths = [f"/v2/{repository}/manifests/{tag}" for repository, tag in self.digests]
        return self._program("bare_requests.py", paths, BARE_CONNECTIONS)[0]

    def skopeo(self) -> Run:
        """Run skopeo, one process per tag and several at once."""
        command = ["skopeo", "inspect", "--raw", "--no-creds", "--cert-dir", str(self.proxy.ca_file.parent)]
        started = time.perf_counter()
        with ThreadPoolExecutor(SKOPEO_AT_ONCE) as pool:
            manifests = list(pool.map(lambda one: _output([*command, f"docker://{one}"]), self._references()))
        seconds = time.perf_counter() - started
        _check("skopeo", [str(Digest.of(manifest)) for manifest in manifests] == list(self.digests.values()))
        return Run(seconds, seconds, self.proxy.traffic())

    def _references(self) -> list[str]:
        return [f"{self.proxy.host}/{repository}:{tag}" for repository, tag in self.digests]

    def _program(self, name: str, lines: Sequence[str], number: int) -> tuple[Run, dict[str, Any]]:
        program = str(Path(__file__).with_name(name))
        started = time.perf_counter()
        output = _output(
            [sys.executable, program, self.proxy.host, str(self.proxy.ca_file), str(number)], "\n".join(lines).encode()
        )
        total = time.perf_counter() - started
        result = json.loads(output)
        _check(name, result["digests"] == list(self.digests.values()))
        return Run(result["seconds"][0], total, self.proxy.traffic()), result


def figures() -> Iterator[str]:
    """Measure, and yield the results."""
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
            yield from _compare(Comparison(proxy, _fill(registry)))


def _fill(registry: DockerRegistry) -> dict[tuple[str, str], str]:
    """Push different images, without the proxy, and return their digests."""
    digests = {}
    for repository in (f"team/app-{number}" for number in range(REPOSITORIES)):
        registry.push_blob(repository, _LAYER)
        for tag in (f"1.{number}" for number in range(TAGS)):
            config = json.dumps({"of": f"{repository}:{tag}"}).encode()
            manifest = oci_image(config, _LAYER)
            registry.push_manifest(repository, manifest, OCI_MANIFEST, tag=tag, blobs=[config])
            digests[repository, tag] = str(Digest.of(manifest))
    return digests


def _compare(comparison: Comparison) -> Iterator[str]:
    bare, ours, skopeo = [], [], []
    comparison.bare()  # The first responses of the registry are slower.
    for number in range(ROUNDS):
        bare.append(comparison.bare())
        ours.append(comparison.ours())
        if number < SKOPEO_ROUNDS:
            skopeo.append(comparison.skopeo())
    warm, megabytes = comparison.warm()
    for run in ours:
        _check("our resolver", run.traffic.manifest_gets == run.traffic.requests == _ALL, run.traffic)
        _check("our resolver", run.traffic.most_at_once <= MAX_CONNECTIONS, run.traffic)
    best, floor, other = min(ours), min(bare), min(skopeo)
    whole = min(run.with_start for run in ours)
    yield (
        f"{_ALL} tags in {REPOSITORIES} repositories, TLS, {LATENCY * 1000:.0f} ms: {best.seconds:.2f} s "
        f"(target: under {TARGET_SECONDS} s), {warm:.2f} s in a reused process, {whole:.2f} s including "
        f"process start; {best.traffic.requests} requests, all for manifests, "
        f"{max(run.traffic.connections for run in ours)} connections (targets: {_ALL}, at most {MAX_CONNECTIONS})"
    )
    yield (
        f"the same tags with skopeo: {other.seconds:.1f} s, {other.traffic.requests} requests, "
        f"{other.traffic.connections} connections: {other.seconds / whole:.0f} times our time "
        "including process start"
    )
    yield (
        f"the same tags over {BARE_CONNECTIONS} bare TLS connections: {floor.seconds:.2f} s: "
        f"our time is {best.seconds / floor.seconds:.2f} times as long"
    )
    yield (
        f"peak memory of the handler after {WARM} such runs, with an ECR client: {megabytes:.0f} MB "
        f"(target: under {MAX_MEGABYTES} MB)"
    )


def _output(command: Sequence[str], sent: bytes = b"") -> bytes:
    return subprocess.run(command, input=sent, stdout=subprocess.PIPE, check=True, env=environment()).stdout


def _check(client: str, passed: bool, traffic: Traffic | None = None) -> None:  # noqa: FBT001 - the checked value
    if not passed:
        raise AssertionError(f"{client}: unexpected {traffic or 'digests'}")
