"""Requests through a proxy that the environment configures."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from urllib3.util import parse_url

from image_pinner.assembly import AwsResolvers
from image_pinner.core.errors import SourceError
from image_pinner.core.images.lookups import Resolution, Resolved, Unavailable
from image_pinner.registry_assembly import make_downloads
from image_pinner.settings import Settings
from image_pinner.sources.http.addresses import AddressScope
from image_pinner.sources.http.messages import Request
from image_pinner.sources.http.proxies import Proxies
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.interface import Deadline
from support.certificates import ServerCertificate, certificate_for
from support.images import lookup
from support.project import ROOT
from support.proxies import Behaviour, Proxy, dripping, hanging, responding, sending
from support.registries import (
    MANIFEST,
    PASSWORD,
    QUICK,
    Answer,
    FixedCredentials,
    ScriptedRegistry,
    Seen,
    cause_of,
    open_transport,
    patient,
    resolve,
)

NAME = "registry.example"
SECRET = "p@ss:w0rd/ä#1"
USER = "robot"
QUOTED = "p%40ss%3Aw0rd%2F%C3%A4%231"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "no", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_PROXY".upper(), raising=False)


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    return certificate_for(tmp_path, NAME, "auth.registry.example", "127.0.0.1")


@pytest.fixture
def registry(certificate: ServerCertificate) -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: MANIFEST, certificate=certificate.context) as running:
        yield running


def pin(
    certificate: ServerCertificate, image: str = f"{NAME}/team/app:1", insecure: tuple[str, ...] = (), **more: Any
) -> Resolution:
    """Resolve an image with the proxies in the environment."""
    transport = {"trust": Trust({"*": certificate.ca_file}), "proxies": Proxies.from_environment(), "limits": QUICK}
    return resolve(lookup(image), transport={**transport, **more.pop("transport", {})}, insecure=insecure, **more)[0]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("form", ["http://{}", "{}", "//{}", "http://{}/"])
def test_a_registry_that_only_the_proxy_reaches_is_used(
    registry: ScriptedRegistry,
    certificate: ServerCertificate,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    form: str,
) -> None:
    assert "host name registry.example cannot be resolved" in cause_of(pin(certificate))
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv(variable, form.format(proxy.host))
        assert isinstance(pin(certificate), Resolved)
        assert [(one.method, one.target) for one in proxy.received] == [("CONNECT", f"{NAME}:443")]
    assert registry.paths() == ["/v2/team/app/manifests/1"]


def test_lower_case_takes_precedence(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("https_proxy", f"http://{proxy.host}")
        assert isinstance(pin(certificate), Resolved)


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("127.0.0.1", True),
        ("other.example, 127.0.0.1", True),
        ("*", True),
        ("", False),
        ("other.example", False),
        ("127.0.0", False),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy_lists_hosts_that_are_reached_directly(
    registry: ScriptedRegistry,
    certificate: ServerCertificate,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    no_proxy: str,
    *,
    direct: bool,
) -> None:
    with Proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv(variable, no_proxy)
        assert isinstance(pin(certificate, f"{registry.host}/team/app:1"), Resolved)
        assert proxy.targets() == ([] if direct else [registry.host])


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        (".example", "https://registry.example/v2/", True),
        ("example", "https://registry.example:5000/v2/", True),
        ("registry.example:5000", "https://registry.example:5000/v2/", True),
        ("registry.example:5000", "https://registry.example/v2/", False),
        ("REGISTRY.example", "https://registry.EXAMPLE/v2/", True),
        ("ample", "https://registry.example/v2/", False),
        ("[::1]", "https://[::1]:5000/v2/", True),
    ],
)
def test_no_proxy_is_compared_as_for_aws(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, *, direct: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (Proxies.from_environment().for_url(parse_url(url)) is None) is direct


def test_without_a_variable_there_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    for url in ("https://registry.example/v2/", "http://registry.example/v2/"):
        assert Proxies().for_url(parse_url(url)) is None
        assert Proxies.from_environment().for_url(parse_url(url)) is None


@pytest.mark.parametrize("credentials", [f"{USER}:{QUOTED}", f"{USER}:{QUOTED}".replace("%3A", ":")])
def test_credentials_for_the_proxy_are_sent_to_it_only(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch, credentials: str
) -> None:
    with Proxy({f"{NAME}:443": registry.port}, credentials=f"{USER}:{SECRET}") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{credentials}@{proxy.host}")
        assert isinstance(pin(certificate), Resolved)
        expected = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        assert [one.headers["proxy-authorization"] for one in proxy.received] == [f"Basic {expected}"]
        assert "authorization" not in proxy.received[0].headers
    assert "proxy-authorization" not in {name.lower() for name in registry.seen[0].headers}


def test_credentials_for_the_registry_are_inside_of_the_tunnel(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.script = lambda seen: MANIFEST if seen.authorization else Answer(401, challenges=("Basic realm=/",))
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        assert isinstance(pin(certificate, credentials=FixedCredentials({NAME: PASSWORD})), Resolved)
        assert not any("authorization" in one.headers for one in proxy.received)
    assert registry.seen[-1].authorization == PASSWORD.basic()


def test_token_services_are_reached_through_the_proxy(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = 'Bearer realm="https://auth.registry.example/token",service="s"'
    service_answer = Answer(200, {}, json.dumps({"token": "t0ken"}).encode())

    def serve(seen: Seen) -> Answer:
        if seen.path == "/token":
            return service_answer
        return MANIFEST if seen.authorization == "Bearer t0ken" else Answer(401, challenges=(challenge,))

    registry.script = serve
    with Proxy({f"{NAME}:443": registry.port, "auth.registry.example:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        assert isinstance(pin(certificate, credentials=FixedCredentials({NAME: PASSWORD})), Resolved)
        assert set(proxy.targets()) == {f"{NAME}:443", "auth.registry.example:443"}


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_plain_http_is_forwarded(
    certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable == "HTTP_PROXY":
        # See CVE-2016-1000110: a CGI script gets a client's header in this variable.
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
    host = f"{NAME}:5000"
    with ScriptedRegistry(lambda _: MANIFEST) as plain, Proxy({host: plain.port}, credentials="a:b") as proxy:
        monkeypatch.setenv(variable, f"http://a:b@{proxy.host}")
        assert isinstance(pin(certificate, f"{host}/team/app:1", (host,)), Resolved)
        assert proxy.targets() == [f"http://{host}/v2/team/app/manifests/1"]


def test_a_proxy_over_tls_is_verified(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy({f"{NAME}:443": registry.port}, certificate=certificate.context) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{proxy.host}")
        untrusted = cause_of(pin(certificate, transport={"trust": Trust()}))
        assert untrusted.startswith("no TLS connection to the proxy in HTTPS_PROXY")
        assert isinstance(pin(certificate), Resolved)


def test_the_config_of_an_ecr_image_is_downloaded_through_the_proxy(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.script = lambda _: Answer(200, {}, b"config")
    settings = Settings(ca_bundles=(("*", str(certificate.ca_file)),))
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        download = make_downloads(settings)
        assert download(f"https://{NAME}/config?X-Amz-Signature=hunter2", 100, Deadline.after(5)) == b"config"
        assert proxy.targets() == [f"{NAME}:443"]


def test_the_assembled_resolver_uses_the_proxy(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(ca_bundles=(("*", str(certificate.ca_file)),))
    wanted = lookup(f"{NAME}/team/app:1")
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        answers = AwsResolvers()(settings, "us-east-1").digests.resolve_all([wanted], Deadline.after(5))
        assert isinstance(answers[wanted], Resolved)


FAILURES: Mapping[str, tuple[Behaviour, str]] = {
    "hangs": (hanging, "the proxy in HTTPS_PROXY did not respond in time"),
    "requires credentials": (responding(407), "the proxy in HTTPS_PROXY requires valid credentials (status 407)"),
    "denies": (responding(403), f"the proxy in HTTPS_PROXY opened no connection to {NAME} (status 403)"),
    "cannot reach": (responding(503), f"the proxy in HTTPS_PROXY opened no connection to {NAME} (status 503)"),
    "closes": (sending(b""), "the proxy in HTTPS_PROXY sent no valid response"),
    "is no proxy": (sending(b"220 mail.example ESMTP\r\n"), "the proxy in HTTPS_PROXY sent no valid response"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_proxy_that_fails_is_named_and_not_its_credentials(
    certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    behaviour, cause = FAILURES[name]
    with Proxy(behaviour=behaviour) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:{QUOTED}@{proxy.host}")
        transport = {"limits": QUICK.__class__(connect=0.5, read=0.5)}
        answer = pin(certificate, transport=transport)
    assert isinstance(answer, Unavailable)
    assert answer.cause.removesuffix(" (3 attempts)") == cause
    assert "HTTPS_PROXY" in answer.help or "allow the host" in answer.help or "check the host name" in answer.help
    for part in (USER, SECRET, QUOTED, "w0rd", proxy.host):
        assert part not in f"{answer.cause} {answer.help}"


@pytest.mark.parametrize(
    ("proxy", "cause"),
    [
        ("http://127.0.0.1:1", "the proxy in HTTPS_PROXY cannot be reached: Connection refused"),
        ("http://nowhere.invalid:3128", "the host name of the proxy in HTTPS_PROXY cannot be resolved"),
        ("socks5://user:hunter2@127.0.0.1:1", "the proxy in HTTPS_PROXY is not a valid HTTP or HTTPS URL"),
        ("http://user:hunter2/x@127.0.0.1:1", "the proxy in HTTPS_PROXY is not a valid HTTP or HTTPS URL"),
        ("http://user:12/hunter2@127.0.0.1:1", "the host name of the proxy in HTTPS_PROXY cannot be resolved"),
        ("http://user:hunter2@", "the proxy in HTTPS_PROXY is not a valid HTTP or HTTPS URL"),
        ("http://user:hunter2@[::1", "the proxy in HTTPS_PROXY is not a valid HTTP or HTTPS URL"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_clear_error(
    certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch, proxy: str, cause: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    answer = pin(certificate)
    assert isinstance(answer, Unavailable)
    assert answer.cause.removesuffix(" (3 attempts)") == cause
    assert "hunter2" not in f"{answer.cause} {answer.help}"


def test_407_for_plain_http_is_from_the_proxy(certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch) -> None:
    with Proxy(credentials="a:b") as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        answer = pin(certificate, f"{NAME}/team/app:1", (NAME,))
    assert "the proxy in HTTP_PROXY requires valid credentials (status 407)" in cause_of(answer)


def test_407_from_a_registry_is_not_from_the_proxy(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.script = lambda _: Answer(407)
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        assert cause_of(pin(certificate)) == f"https://{NAME}/v2/team/app/manifests/1 returned 407"


def test_a_proxy_that_drips_is_cut_at_the_deadline(
    certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(behaviour=dripping) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        answer = pin(certificate, seconds=5.0, host_seconds=0.5, transport={"retry": patient(attempts=1)})
    assert isinstance(answer, Unavailable)
    assert "timed out" in answer.cause


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "[fd00:ec2::254]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "localhost.",
        "127.0.0.1.",
    ],
)
def test_an_address_of_this_network_is_refused_although_the_proxy_resolves_names(host: str) -> None:
    proxies = Proxies({"https": "http://127.0.0.1:1"})
    with (
        open_transport(proxies=proxies) as transport,
        pytest.raises(SourceError, match="an address inside this network"),
    ):
        transport.send(Request(f"https://{host}/", allowed_scope=AddressScope.GLOBAL), Deadline.after(5))


def test_redirects_through_a_proxy_are_checked(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.script = lambda _: Answer(307, {"Location": "https://169.254.169.254/latest/meta-data"})
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        assert "refers to 169.254.169.254, an address inside this network" in cause_of(pin(certificate))
        assert proxy.targets() == [f"{NAME}:443"]


@pytest.mark.parametrize("realm", ["https://10.0.0.1/token", "https://auth.registry.example:80/token"])
def test_a_token_service_behind_a_proxy_has_no_private_address(
    registry: ScriptedRegistry, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch, realm: str
) -> None:
    registry.script = lambda _: Answer(401, challenges=(f'Bearer realm="{realm}"',))
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        answer = pin(certificate, credentials=FixedCredentials({NAME: PASSWORD}))
        assert isinstance(answer, Unavailable)
        assert "10.0.0.1:443" not in proxy.targets()


def test_without_a_variable_nothing_further_is_imported() -> None:
    program = (
        "import sys; from image_pinner import registry_assembly as made; from image_pinner.settings import Settings; "
        "made.make_downloads(Settings()); assert 'urllib.request' not in sys.modules"
    )
    environment = {"PYTHONPATH": str(ROOT / "macro")}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
