"""Which implementation receives which lookup."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import image_pinner
from image_pinner import assembly
from image_pinner.assembly import AwsResolvers, ByRegistry, ByValue
from image_pinner.cli.credentials.local_files import local_credentials
from image_pinner.core.deployed import NotKnown
from image_pinner.core.errors import ConfigurationError
from image_pinner.core.images.lookups import ImageLookup, NotFound, Resolution, Resolved, Unavailable, Unsuitable
from image_pinner.core.images.registries import Mirror
from image_pinner.core.intrinsics.values import Known, SsmParameter, StackExport
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.credentials.interface import Credentials, NoCredentials, Password
from image_pinner.sources.in_memory import InMemoryRegistry
from image_pinner.sources.interface import Deadline
from support.deployed_images import deployed_lookup
from support.images import lookup

ECR = [
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web:1",
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web:1",
    "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/shop/web:1",
    "111122223333.dkr-ecr.us-east-1.on.aws/shop/web:1",
]
ELSEWHERE = [
    "nginx:1",
    "public.ecr.aws/docker/library/nginx:1",
    "registry.example:5000/shop/web:1",
    "localhost/shop/web:1",
    "ghcr.io/shop/web:1",
]


class Counting(InMemoryRegistry):
    """Has every image, and waits before it responds."""

    def __init__(self, wait: Callable[[], Any] = lambda: None) -> None:
        super().__init__(has_every_image=True)
        self.wait = wait
        self.threads: set[int] = set()
        self.deadlines: list[Deadline] = []

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        self.threads.add(threading.get_ident())
        self.deadlines.append(deadline)
        self.wait()
        return super().resolve_all(lookups, Deadline.after(60))


def unexpected() -> Any:
    raise AssertionError("no other registry is needed")


@pytest.mark.parametrize("text", ECR)
def test_ecr_image_is_looked_up_in_ecr_without_another_resolver(text: str) -> None:
    ecr = Counting()

    answers = ByRegistry(ecr, unexpected).resolve_all([lookup(text)], Deadline.after(60))

    assert isinstance(answers[lookup(text)], Resolved)
    assert ecr.image_lookups == [lookup(text)]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_other_image_is_looked_up_in_its_registry(text: str) -> None:
    ecr, registries = Counting(), Counting()

    answers = ByRegistry(ecr, lambda: registries).resolve_all([lookup(text)], Deadline.after(60))

    assert isinstance(answers[lookup(text)], Resolved)
    assert registries.image_lookups == [lookup(text)]
    assert ecr.threads == set()


def test_host_that_resembles_ecr_is_never_queried_as_another_registry() -> None:
    # Otherwise credentials would be sent to a host of an attacker.
    texts = ["123.dkr.ecr.us-east-1.amazonaws.com/x:1", "api.ecr.us-east-1.amazonaws.com/x:1"]
    ecr = Counting()

    ByRegistry(ecr, unexpected).resolve_all([lookup(text) for text in texts], Deadline.after(60))

    assert len(ecr.image_lookups) == 2


def test_ecr_and_other_registries_are_queried_concurrently_with_one_deadline() -> None:
    both = threading.Barrier(2, timeout=30)
    ecr, registries = Counting(both.wait), Counting(both.wait)
    lookups = [lookup(text) for text in ECR + ELSEWHERE]
    deadline = Deadline.after(60)

    answers = ByRegistry(ecr, lambda: registries).resolve_all(lookups, deadline)

    assert answers.keys() == set(lookups)
    assert ecr.threads.isdisjoint(registries.threads)
    assert ecr.deadlines == registries.deadlines == [deadline]


def test_no_lookups_make_no_call() -> None:
    assert ByRegistry(Counting(), unexpected).resolve_all([], Deadline.after(60)) == {}


def test_resolver_that_hangs_does_not_cost_results_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "_GRACE", 0.1)
    released = threading.Event()
    hanging, quick = Counting(lambda: released.wait(60)), Counting()
    lookups = [lookup(ECR[0]), lookup("nginx:1")]
    started = time.monotonic()

    answers = ByRegistry(hanging, lambda: quick).resolve_all(lookups, Deadline.after(0.5))

    assert time.monotonic() - started < 30
    released.set()
    assert isinstance(answers[lookups[1]], Resolved)
    late = answers[lookups[0]]
    assert isinstance(late, Unavailable)
    assert late.cause == "the registry did not respond in time"


def test_error_of_a_resolver_is_raised() -> None:
    class Broken(InMemoryRegistry):
        def resolve_all(self, *_: Any) -> Any:
            raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        ByRegistry(Broken(), Counting).resolve_all([lookup(ECR[0]), lookup("nginx:1")], Deadline.after(60))


def test_each_kind_of_value_is_looked_up_in_its_service() -> None:
    parameter, export = SsmParameter("/tag"), StackExport("repository")
    parameters, exports = InMemoryRegistry({parameter: "1"}), InMemoryRegistry({export: "shop/web"})

    answers = ByValue(parameters, exports).resolve_values([export, parameter], Deadline.after(60))

    assert answers == {parameter: Known("1"), export: Known("shop/web")}
    assert (parameters.value_lookups, exports.value_lookups) == ([parameter], [export])


@pytest.mark.parametrize("lookup", [SsmParameter("/tag"), StackExport("repository")])
def test_service_without_lookups_is_not_called(lookup: SsmParameter | StackExport) -> None:
    resolvers, other = InMemoryRegistry({lookup: "x"}), InMemoryRegistry()
    is_parameter = isinstance(lookup, SsmParameter)

    answers = ByValue(*((resolvers, other) if is_parameter else (other, resolvers))).resolve_values(
        [lookup], Deadline.after(60)
    )

    assert answers == {lookup: Known("x")}
    assert other.value_lookups == []


class Clients:
    """Records for which services and regions clients are requested, and has none."""

    def __init__(self) -> None:
        self.wanted: list[tuple[str, str]] = []

    def allowing(self, _: Any) -> Clients:
        return self

    def client(self, service: str, region: str, **_: Any) -> Any:
        self.wanted.append((service, region))
        raise ValueError("there is no such endpoint")


class RefusingSession:
    """A boto3 session that has no endpoint for any service."""

    def client(self, *_: Any, **__: Any) -> Any:
        raise ValueError("there is no such endpoint")


def test_values_are_looked_up_in_the_stack_region_and_ecr_images_in_the_registry_region() -> None:
    clients: Any = Clients()
    resolvers = AwsResolvers(clients=clients)(Settings(), "eu-central-1")

    resolvers.values.resolve_values([SsmParameter("/tag"), StackExport("repository")], Deadline.after(60))
    answers = resolvers.digests.resolve_all([lookup(ECR[0])], Deadline.after(60))

    assert set(clients.wanted) == {
        ("ssm", "eu-central-1"),
        ("cloudformation", "eu-central-1"),
        ("ecr", "us-east-1"),
    }
    assert isinstance(answers[lookup(ECR[0])], Unavailable | NotFound | Unsuitable)


def test_deployed_images_are_read_in_the_stack_region() -> None:
    clients: Any = Clients()
    lookup = deployed_lookup()

    states = AwsResolvers(clients=clients)(Settings(), "eu-central-1").deployed.read_deployed(
        [lookup], Deadline.after(60)
    )

    assert set(clients.wanted) == {("cloudformation", "eu-central-1")}
    assert isinstance(states[lookup], NotKnown)


def test_clients_are_reused_by_later_invocations() -> None:
    sessions: list[object] = []
    clients = AwsClients(lambda: sessions.append(object()) or RefusingSession())
    resolver_factory = AwsResolvers(clients=clients)

    for _ in range(2):
        resolvers = resolver_factory(Settings(), "us-east-1")
        resolvers.digests.resolve_all([lookup(ECR[0])], Deadline.after(60))

    assert len(sessions) == 1


def credential(environment: Mapping[str, str] | None, settings: Settings, registry: str) -> Credentials:
    clients: Any = Clients()
    local = tuple if environment is None else partial(local_credentials, environment, Path.home())
    source = AwsResolvers(environment, clients, local).credentials(settings, "us-east-1")
    return source.for_registry(registry, Deadline.after(60))


def with_docker_config(directory: Path) -> dict[str, str]:
    auth = base64.b64encode(b"robot:of-docker").decode()
    (directory / "config.json").write_text(json.dumps({"auths": {"registry.example": {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(directory), "LOGIN": "robot:of-the-environment"}


def settings_with(text: str) -> Settings:
    return Settings.from_environment({"IMAGE_PINNER_CREDENTIALS": text})


def test_macro_reads_no_password_from_environment_variables() -> None:
    with pytest.raises(ConfigurationError, match="the function's configuration"):
        credential(None, settings_with("registry.example=env:LOGIN"), "registry.example")


def test_macro_has_configured_credentials_only() -> None:
    assert isinstance(credential(None, Settings(), "registry.example"), NoCredentials)


def test_configured_credentials_take_precedence_over_docker(tmp_path: Path) -> None:
    local = with_docker_config(tmp_path)

    of_docker = credential(local, Settings(), "registry.example")
    configured = credential(local, settings_with("registry.example=env:LOGIN"), "registry.example")

    assert isinstance(of_docker, Password)
    assert isinstance(configured, Password)
    assert (of_docker.password, configured.password) == ("of-docker", "of-the-environment")


def test_mirror_is_queried_with_the_resolver_of_its_own_registry() -> None:
    clients: Any = Clients()
    mirrors = (Mirror.parse("docker.io=111122223333.dkr.ecr.us-east-1.amazonaws.com/hub"),)
    resolvers = AwsResolvers(clients=clients)(Settings(mirrors=mirrors), "eu-central-1")

    answer = resolvers.digests.resolve_all([lookup("nginx:1")], Deadline.after(60))[lookup("nginx:1")]

    assert clients.wanted == [("ecr", "us-east-1")]
    assert isinstance(answer, Unavailable)
    assert answer.cause.endswith("(mirror of docker.io)")


def test_settings_reach_the_resolver_of_other_registries(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"

    with pytest.raises(ConfigurationError, match="IMAGE_PINNER_CA_BUNDLES cannot be used"):
        AwsResolvers().registries(Settings(ca_bundles=(("registry.example", str(missing)),)), "us-east-1")


def test_macro_starts_without_modules_for_other_registries() -> None:
    program = (
        "import sys\nimport image_pinner.lambda_macro.handler\n"
        "late = ('oci.resolver', 'docker_config', 'deployed.source', 'boto3')\n"
        "print([name for name in sys.modules if name.endswith(late)])"
    )
    source_root = str(Path(image_pinner.__file__).parent.parent)

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": source_root}
    )

    assert found.stdout.strip() == "[]"
