"""Through a proxy, a hostile registry reaches nothing more, and no output has the proxy's credentials."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.console import Dependencies
from image_pinner.core.images.lookups import Resolved, Unavailable
from image_pinner.lambda_macro.handler import Macro
from image_pinner.sources.http.proxies import Proxies
from image_pinner.sources.http.tls import Trust
from image_pinner.sources.http.transport import TimeLimits
from support.certificates import ServerCertificate, certificate_for
from support.command import run_main
from support.images import lookup
from support.macro import Context, event_for
from support.proxies import Behaviour, Proxy, dripping, hanging, responding, sending
from support.registries import MANIFEST, Answer, ScriptedRegistry, cause_of, resolve
from support.templates import task

NAME = "registry.example"
WORDS = ("Xq7rT2pLm9", "Zk4wV8sNb3")
PASSWORD = "/".join(WORDS) + "@#:?"
FUNCTION = Context(20_000, "arn:aws:lambda:us-east-1:111122223333:function:pinner:live")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_PROXY".upper(), raising=False)


def expect_inside(output: str) -> None:
    for word in WORDS:
        assert word.lower() not in output.lower()


BEHAVIOURS: Mapping[str, Behaviour] = {
    "407": responding(407),
    "403": responding(403),
    "502": responding(502),
    "closes": sending(b""),
    "repeats the credentials": sending(f"HTTP/1.1 403 {PASSWORD}\r\nX: {PASSWORD}\r\n\r\n{PASSWORD}".encode()),
    "no HTTP": sending(f"{PASSWORD}\r\n\r\n".encode()),
    "hangs": hanging,
}
URLS = [
    f"http://robot:{quote(PASSWORD, safe='')}@{{host}}",
    f"http://{quote(PASSWORD, safe='')}@{{host}}",
    # Passwords that are not quoted move parts of themselves into host, port and path.
    f"http://robot:{PASSWORD}@{{host}}",
    f"http://robot:1{PASSWORD.replace('/', '/1')}@{{host}}",
    f"{PASSWORD}@{{host}}",
    f"socks5://robot:{WORDS[0]}@{{host}}",
    f"http://{WORDS[0]}/{WORDS[1]}",
    f"{WORDS[0]}://{WORDS[1]}",
]


def outputs_of(proxy: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return all outputs of the command and of the macro for an image, which both fail to pin."""
    template = {"Resources": {"Web": task(f"!PinDigest {NAME}/app:1"), "Plain": task(f"!PinDigest plain.{NAME}/app:1")}}
    (directory / "a.json").write_text(json.dumps(template))
    variables = {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy, "AWS_REGION": "us-east-1", "HOME": str(directory)}
    settings = {"IMAGE_PINNER_INSECURE_REGISTRIES": f"plain.{NAME}", "IMAGE_PINNER_TIMEOUT": "1"}
    command = ("pin", str(directory / "a.json"), "--report", str(directory / "report.json"))
    run = run_main(command, Dependencies(), env={**variables, **settings})
    assert run.code
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    log: list[str] = []
    response = Macro.on_aws(AwsResolvers(), settings, log.append).answer(event_for(template), FUNCTION)
    assert response["status"] == "failure"
    assert "HTTPS_PROXY" in response["errorMessage"] or "timed out" in response["errorMessage"]
    report = (directory / "report.json").read_text() if (directory / "report.json").exists() else ""
    return "\n".join([run.text, run.err, report, response["errorMessage"], *log])


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_no_output_has_the_credentials_of_a_proxy_that_fails(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(behaviour=BEHAVIOURS[name]) as proxy:
        expect_inside(outputs_of(URLS[0].format(host=proxy.host), tmp_path, monkeypatch))


@pytest.mark.parametrize("url", URLS)
def test_no_output_has_the_credentials_in_any_url_of_a_proxy(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(behaviour=responding(407)) as proxy:
        expect_inside(outputs_of(url.format(host=proxy.host), tmp_path, monkeypatch))


@pytest.fixture
def certificate(tmp_path: Path) -> ServerCertificate:
    return certificate_for(tmp_path, NAME)


@pytest.fixture
def registry(certificate: ServerCertificate) -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry(lambda _: MANIFEST, certificate=certificate.context) as running:
        yield running


@pytest.mark.parametrize("behaviour", [hanging, dripping])
def test_twenty_registries_behind_a_proxy_that_hangs_take_the_time_of_one(behaviour: Behaviour) -> None:
    images = [lookup(f"registry-{number}.example/app:1") for number in range(20)]
    took = []
    with Proxy(behaviour=behaviour) as proxy:
        for wanted in (images[:1], images):
            transport = {
                "proxies": Proxies({"https": f"http://{proxy.host}"}),
                "limits": TimeLimits(connect=1.0, read=1.0),
            }
            started = time.monotonic()
            answers = resolve(*wanted, transport=transport, host_seconds=1.0, seconds=10.0)
            took.append(time.monotonic() - started)
            assert {type(answer) for answer in answers} == {Unavailable}
    assert took[1] < 2 * took[0] + 1


def test_a_proxy_that_refuses_is_one_cause_for_all_registries() -> None:
    images = [lookup(f"registry-{number}.example/app:1") for number in range(5)]
    transport = {"proxies": Proxies({"https": "http://127.0.0.1:1"})}
    causes = {cause_of(answer) for answer in resolve(*images, transport=transport)}
    assert causes == {"the proxy in HTTPS_PROXY cannot be reached: Connection refused (3 attempts)"}


TARGETS = [
    "https://169.254.169.254/latest",
    "https://[fd00:ec2::254]/latest",
    "https://2852039166/latest",
    "https://0xa9fea9fe/latest",
    "https://169.254.43518/latest",
    "https://0251.0376.0251.0376/latest",
    "https://localhost./latest",
    "https://10.0.0.1:3128/latest",
    "https://[::ffff:10.0.0.1]/latest",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", ["redirect", "token service"])
def test_a_registry_leads_to_no_address_inside_the_network_of_the_proxy(
    kind: str, target: str, registry: ScriptedRegistry, certificate: ServerCertificate
) -> None:
    challenge = f'Bearer realm="{target}"'
    registry.script = lambda _: (
        Answer(307, {"Location": target}) if kind == "redirect" else Answer(401, challenges=(challenge,))
    )
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        transport = {
            "proxies": Proxies({"https": f"http://{proxy.host}"}),
            "trust": Trust({"*": certificate.ca_file}),
        }
        (answer,) = resolve(lookup(f"{NAME}/app:1"), transport=transport)
        assert isinstance(answer, Unavailable)
        assert set(proxy.targets()) == {f"{NAME}:443"}


def test_the_certificate_is_that_of_the_registry_and_not_of_the_proxy(
    tmp_path: Path, certificate: ServerCertificate
) -> None:
    (tmp_path / "other").mkdir()
    other = certificate_for(tmp_path / "other", NAME)
    with (
        ScriptedRegistry(lambda _: MANIFEST, certificate=other.context) as impostor,
        Proxy({f"{NAME}:443": impostor.port}) as proxy,
    ):
        proxies = Proxies({"https": f"http://{proxy.host}"})
        for ca_file, kind in ((certificate.ca_file, Unavailable), (other.ca_file, Resolved)):
            transport = {"proxies": proxies, "trust": Trust({"*": ca_file})}
            assert isinstance(resolve(lookup(f"{NAME}/app:1"), transport=transport)[0], kind)


def test_a_request_to_the_registry_has_no_credentials_of_the_proxy(
    registry: ScriptedRegistry, certificate: ServerCertificate
) -> None:
    registry.script = lambda _: Answer(407, {"Proxy-Authenticate": "Basic"})
    with Proxy({f"{NAME}:443": registry.port}) as proxy:
        proxies = Proxies({"https": f"http://robot:{quote(PASSWORD, safe='')}@{proxy.host}"})
        (answer,) = resolve(
            lookup(f"{NAME}/app:1"), transport={"proxies": proxies, "trust": Trust({"*": certificate.ca_file})}
        )
    assert cause_of(answer) == f"https://{NAME}/v2/app/manifests/1 returned 407"
    assert [seen.headers.get("Proxy-Authorization") for seen in registry.seen] == [None]
