"""Where a registry may send us, and what does not come along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import OCI_MANIFEST, Origin, Resolution, Resolved, Unavailable
from image_pinner.core.images.references import Digest
from image_pinner.sources.credentials.interface import Password
from image_pinner.sources.http.endpoints import RegistryHosts
from image_pinner.sources.http.redirects import RedirectFollower
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.resolver import OciRegistryResolver
from support.certificates import ServerCertificate, certificate_for
from support.images import lookup, oci_image
from support.registries import Answer, FixedCredentials, ScriptedRegistry, Seen, local_request, open_transport, resolve

MANIFEST = Answer(200, {"Content-Type": OCI_MANIFEST}, oci_image())
PASSWORD = Password("robot", "pass-w0rd", "the credential of the test", "Renew it")


class Secured(NamedTuple):
    """Two servers over TLS, since no credentials are sent over plain HTTP."""

    home: ScriptedRegistry
    other: ScriptedRegistry
    trust: Trust

    def resolve_redirected(self) -> Resolution:
        """Resolve at the first one, with credentials for both, and both listed."""
        hosts = (self.home.host, self.other.host)
        wanted = lookup(f"{self.home.host}/app:1")
        credentials = FixedCredentials(dict.fromkeys(hosts, PASSWORD))
        with open_transport(trust=self.trust) as transport:
            resolver = OciRegistryResolver(transport, credentials, RegistryHosts(listed=hosts))
            return resolver.resolve_all([wanted], Deadline.after(10))[wanted]


@pytest.fixture
def servers() -> Iterator[tuple[ScriptedRegistry, ScriptedRegistry]]:
    with ExitStack() as stack:
        home, other = (stack.enter_context(ScriptedRegistry(lambda _: MANIFEST)) for _ in range(2))
        yield home, other


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    return certificate_for(tmp_path, "127.0.0.1")


@pytest.fixture
def secured(certificate: ServerCertificate) -> Iterator[Secured]:
    with ExitStack() as stack:
        home, other = (
            stack.enter_context(ScriptedRegistry(lambda _: MANIFEST, certificate=certificate.context)) for _ in range(2)
        )
        yield Secured(home, other, Trust({"*": certificate.ca_file}))


def redirect(location: str, status: int = 307) -> Answer:
    return Answer(status, {"Location": location} if location else {})


def resolve_redirected(home: ScriptedRegistry, *listed: ScriptedRegistry) -> Resolution:
    hosts = tuple(server.host for server in (home, *listed))
    credentials = FixedCredentials(dict.fromkeys(hosts, PASSWORD))
    return resolve(lookup(f"{home.host}/app:1"), insecure=hosts, credentials=credentials)[0]


@pytest.mark.parametrize(
    ("location", "cause"),
    [
        ("", "redirects without a location"),
        ("http://[broken", "redirects to an invalid URL"),
        ("ftp://files.example/app", "not a valid HTTP or HTTPS URL"),
        ("https://user:pw@registry.example/app", "with a user in its URL"),
        ("http://registry.example/app", "redirects to http://registry.example, over plain HTTP"),
        ("http://169.254.169.254/latest/meta-data", "over plain HTTP"),
        ("https://169.254.169.254/latest/meta-data", "refers to 169.254.169.254, an address inside"),
        ("https://[fd00:ec2::254]/latest", "refers to [fd00:ec2::254], an address inside"),
        ("https://127.0.0.1/app", "refers to 127.0.0.1, an address inside"),
        ("https://localhost/app", "refers to localhost, an address inside"),
        ("https://10.1.2.3/app", "refers to 10.1.2.3, an address inside"),
        ("https://[::ffff:192.168.0.1]/app", "an address inside"),
        ("//127.1/app", "over plain HTTP"),
    ],
)
def test_a_redirect_to_a_forbidden_target_is_refused(
    servers: tuple[ScriptedRegistry, ScriptedRegistry], location: str, cause: str
) -> None:
    home, _ = servers
    home.script = lambda _: redirect(location)
    answer = resolve_redirected(home)
    assert isinstance(answer, Unavailable)
    assert cause in answer.cause
    assert "pw@" not in answer.cause
    assert len(home.seen) == 1


def test_a_redirect_to_another_port_of_this_machine_is_refused(
    servers: tuple[ScriptedRegistry, ScriptedRegistry],
) -> None:
    home, other = servers
    home.script = lambda _: redirect(f"{other.url}/secrets")
    assert isinstance(resolve_redirected(home), Unavailable)
    assert other.connections == 0


def test_https_never_redirects_to_http_even_on_a_listed_host(certificate: ServerCertificate) -> None:
    with (
        ScriptedRegistry(lambda _: MANIFEST) as plain,
        ScriptedRegistry(lambda _: redirect(plain.url), certificate=certificate.context) as secure,
        open_transport(trust=Trust({"*": certificate.ca_file})) as transport,
        pytest.raises(SourceError, match="over plain HTTP"),
    ):
        RedirectFollower(transport, RegistryHosts([plain.host])).follow(local_request(secure.url), Deadline.after(10))
    assert plain.seen == []


def test_a_loop_of_redirects_ends(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    home, _ = servers
    home.script = lambda seen: redirect(seen.path)
    answer = resolve_redirected(home)
    assert isinstance(answer, Unavailable)
    assert "redirects more than 3 times" in answer.cause
    assert len(home.seen) == 4


def test_another_host_that_requires_credentials_gets_none(secured: Secured) -> None:
    home, other, _ = secured
    home.script = lambda seen: redirect(other.url + seen.path)
    other.script = lambda _: Answer(401, {"WWW-Authenticate": "Basic"})
    answer = secured.resolve_redirected()
    assert isinstance(answer, Unavailable)
    assert f"{other.url}/v2/app/manifests/1 returned 401" in answer.cause
    assert "no credentials are sent" in answer.help
    assert [seen.authorization for seen in other.seen] == [""]


def test_a_refusal_by_another_host_does_not_mention_the_credential(secured: Secured) -> None:
    home, other, _ = secured
    home.script = lambda seen: redirect(other.url) if seen.authorization else Answer(401, {"WWW-Authenticate": "Basic"})
    other.script = lambda _: Answer(403)
    answer = secured.resolve_redirected()
    assert isinstance(answer, Unavailable)
    assert answer.cause == f"the target of a redirect by {home.url} returned 403"


def test_a_credential_stays_with_the_host_it_is_for_and_does_not_return_with_a_detour(secured: Secured) -> None:
    home, other, _ = secured

    def script(seen: Seen) -> Answer:
        if seen.path == "/v2/app/manifests/1":
            return redirect(other.url) if seen.authorization else Answer(401, {"WWW-Authenticate": "Basic"})
        return MANIFEST

    home.script = script
    other.script = lambda _: redirect(f"{home.url}/elsewhere")
    assert isinstance(secured.resolve_redirected(), Resolved)
    assert [seen.authorization for seen in other.seen] == [""]
    assert [(seen.path, seen.authorization) for seen in home.seen] == [
        ("/v2/app/manifests/1", ""),
        ("/v2/app/manifests/1", PASSWORD.basic()),
        ("/elsewhere", ""),
    ]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_manifest_behind_a_redirect_is_found_as_with_registry_k8s_io(
    servers: tuple[ScriptedRegistry, ScriptedRegistry], status: int
) -> None:
    home, other = servers
    home.script = lambda _: redirect(f"{other.url}/v2/upstream/app/manifests/1?signature=s", status)
    origin = Origin("registry", f"{home.url}/v2/app/manifests/1")
    assert resolve_redirected(home, other) == Resolved(Digest.of(MANIFEST.body), OCI_MANIFEST, origin)
    assert other.seen[0].headers["Accept"] == home.seen[0].headers["Accept"]
    assert other.seen[0].query == {"signature": ["s"]}


def test_a_redirect_within_the_registry_keeps_the_credential(secured: Secured) -> None:
    home = secured.home

    def script(seen: Seen) -> Answer:
        if not seen.authorization:
            return Answer(401, {"WWW-Authenticate": "Basic"})
        return MANIFEST if seen.path == "/moved" else redirect("/moved", 308)

    home.script = script
    assert isinstance(secured.resolve_redirected(), Resolved)
    assert [(seen.path, seen.authorization) for seen in home.seen] == [
        ("/v2/app/manifests/1", ""),
        ("/v2/app/manifests/1", PASSWORD.basic()),
        ("/moved", PASSWORD.basic()),
    ]


def test_three_redirects_are_followed(servers: tuple[ScriptedRegistry, ScriptedRegistry]) -> None:
    home, _ = servers
    home.script = lambda _: MANIFEST if len(home.seen) == 4 else redirect("/again")
    assert isinstance(resolve_redirected(home), Resolved)
