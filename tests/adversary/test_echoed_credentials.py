"""A registry that has received credentials repeats them wherever a response has text, and no output shows any of it."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from moto import mock_aws

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.console import Dependencies, ExitCode
from image_pinner.core.images.lookups import OCI_INDEX, OCI_MANIFEST
from image_pinner.lambda_macro.handler import Macro
from support.certificates import ServerCertificate, certificate_for
from support.command import run_main
from support.images import OCI_LAYER, config_for, descriptor, encoded, oci_image, oci_index, platform
from support.macro import FUNCTION, event_for
from support.registries import Answer, ScriptedRegistry, Seen, sent
from support.templates import task

SECRET = "Xq7rT2pLm9Zk4wV8sNb3"
USER = "robot"
BASIC = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
HEX = SECRET.encode().hex()
DIGEST = f"sha256:{HEX}{'0' * (64 - len(HEX))}"
OTHER_DIGEST = f"sha256:{'1' * (64 - len(HEX))}{HEX}"
FORMS = {
    "plain": SECRET,
    "lower case": SECRET.lower(),
    "reversed": SECRET[::-1],
    "base64": BASIC,
    "base64 without padding": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    "percent": "".join(f"%{byte:02X}" for byte in SECRET.encode()),
    "hexadecimal": HEX,
    "spaced": " ".join(SECRET),
    "dotted": ".".join(SECRET),
}
PART = 8
"""An output may have fewer characters in a row of what the registry sent."""
SECONDS = "60"


def expect_nothing_of_it(output: str) -> None:
    """Check that an output has no part of the secret, in any form that the registry sends."""
    text = output.lower()
    for name, form in FORMS.items():
        parts = {form[start : start + PART].lower() for start in range(len(form) - PART + 1)}
        assert not (found := sorted(part for part in parts if part in text)), f"{name}: {found} in {output}"


Echo = Callable[[Seen, str], Answer]
"""Answers a request with a form of the secret."""


def errors(status: int, code: str = "DENIED", **headers: str) -> Echo:
    """Return the error of a registry."""

    def answer(_: Seen, form: str) -> Answer:
        body = {"errors": [{"code": code.format(form.upper()), "message": form, "detail": {"password": form}}]}
        named = {name.replace("_", "-"): value.format(form) for name, value in headers.items()}
        return Answer(status, {"Content-Type": "application/json", **named}, encoded(body))

    return answer


def gzipped(_: Seen, form: str) -> Answer:
    body = gzip.compress(encoded({"errors": [{"code": "DENIED", "message": form}]}))
    return Answer(403, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, body)


def plain_error(_: Seen, form: str) -> Answer:
    return Answer(400, {"Content-Type": "text/plain"}, form.encode())


def redirect(location: str) -> Echo:
    """Return a redirect, after which the server responds with an error."""

    def answer(seen: Seen, form: str) -> Answer:
        target = location.format(form=quote(form), host=seen.headers["Host"])
        return Answer(404, {}, form.encode()) if seen.path.startswith("/to/") else Answer(307, {"Location": target})

    return answer


def manifest(make: Callable[[str], bytes], media_type: str = OCI_MANIFEST, **headers: str) -> Echo:
    """Return a response with a manifest."""

    def answer(_: Seen, form: str) -> Answer:
        named = {name.replace("_", "-"): value.format(form) for name, value in headers.items()}
        return sent(make(form), media_type.format(form), **named)

    return answer


def entry(of: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return an entry of an index."""
    return descriptor(OCI_MANIFEST, oci_image(), **platform("linux", "arm64"), **more) | dict(of or {})


def index(*entries: Callable[[str], dict[str, Any]]) -> Echo:
    return manifest(lambda form: oci_index(*(make(form) for make in entries)), OCI_INDEX)


def config(make: Callable[[str], bytes], digest: str = "", status: int = 200) -> Echo:
    """Return an image with a config."""

    def answer(seen: Seen, form: str) -> Answer:
        if "/blobs/" in seen.path:
            return Answer(status, {"Content-Type": "text/plain"}, make(form))
        image = json.loads(oci_image(make(form)))
        image["config"]["digest"] = digest or image["config"]["digest"]
        return sent(encoded(image))

    return answer


def redirected_config(seen: Seen, form: str) -> Answer:
    answer = redirect("/to/{form}") if "/manifests/" not in seen.path else manifest(image_with(digest=DIGEST))
    return answer(seen, form)


def image_with(**config_descriptor: str) -> Callable[[str], bytes]:
    """Return what makes a manifest whose config is described like this."""
    layers = [descriptor(OCI_LAYER, b"layer")]
    return lambda form: encoded(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {**descriptor("application/vnd.oci.image.config.v1+json", b"{}")}
            | {name: value.format(form) for name, value in config_descriptor.items()},
            "layers": layers,
        }
    )


ECHOES: dict[str, Echo] = {
    "error 400": errors(400),
    "error 401": errors(401, WWW_Authenticate='Basic realm="{}"'),
    "error 403": errors(403),
    "error 404": errors(404, "MANIFEST_UNKNOWN"),
    "error code": errors(404, "{}"),
    "text": plain_error,
    "gzip": gzipped,
    "Retry-After": errors(429, Retry_After="{}"),
    "challenge of another scheme": errors(401, WWW_Authenticate="{}"),
    "invalid challenge": errors(401, WWW_Authenticate='Bearer "{}"'),
    "challenge of a token service": errors(401, WWW_Authenticate='Bearer realm="https://{0}.localhost/{0}",service="{0}"'),
    "challenge of a token service with parameters": errors(401, WWW_Authenticate='Bearer realm="https://a.example/?{}"'),
    "challenge of a token service over plain HTTP": errors(401, WWW_Authenticate='Bearer realm="http://{}/"'),
    "challenge of a user": errors(401, WWW_Authenticate='Bearer realm="https://{}@127.0.0.1/"'),
    "redirect": redirect("/to/{form}"),
    "redirect to another port": redirect("https://127.0.0.1:1/{form}"),
    "redirect to a host": redirect("https://{form}.localhost/"),
    "redirect to plain HTTP": redirect("http://{form}/"),
    "redirect to a user": redirect("https://{form}@127.0.0.1/"),
    "redirect to no URL": redirect("https://[{form}/"),
    "endless redirect": lambda _, form: Answer(307, {"Location": f"/{quote(form)}"}),
    "digest header": manifest(lambda _: oci_image(), Docker_Content_Digest="{}"),
    "valid digest header": manifest(lambda _: oci_image(), Docker_Content_Digest=DIGEST),
    "Content-Type": manifest(lambda _: oci_image(), "{}"),
    "two media types": manifest(lambda form: oci_image(mediaType=f"application/vnd.{form}"), "application/vnd.{}"),
    "mediaType": manifest(lambda form: oci_image(mediaType=form)),
    "no manifest": manifest(str.encode),
    "config type": manifest(image_with(mediaType="application/vnd.{}")),
    "invalid config digest": manifest(image_with(digest="{}")),
    "missing config": config(str.encode, DIGEST, 404),
    "config that may not be read": config(str.encode, DIGEST, 403),
    "redirected config": redirected_config,
    "config of another digest": config(str.encode, DIGEST),
    "platform of the config": config(lambda form: config_for(form, form, form, form)),
    "variant of the config": config(lambda form: config_for("linux", "arm64", form)),
    "version of the config": config(lambda form: config_for("windows", "amd64", "", form)),
    "no config": config(str.encode),
    "platforms of an index": index(lambda form: entry(platform("a", form)), lambda form: entry(platform(form, "b"))),
    "variants of an index": index(lambda form: entry(platform("linux", "arm64", variant=form))),
    "versions of an index": index(lambda form: entry(platform("windows", "arm64", **{"os.version": form}))),
    "invalid digest in an index": index(lambda form: entry(digest=form)),
    "media type in an index": index(lambda form: entry(platform("linux", "amd64"), mediaType=f"application/{form}")),
    "several images in an index": index(
        lambda form: entry(platform("linux", "amd64", variant=form), digest=DIGEST),
        lambda form: entry(platform("linux", "amd64", variant=f"v{form}"), digest=OTHER_DIGEST),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return certificate_for(tmp_path_factory.mktemp("certificate"), "127.0.0.1")


@dataclass
class Registry:
    """Requires credentials, and repeats them once it has got them, to requests without any as well.

    Its token service gets them as a password or as an identity token, and issues the secret as a token.
    """

    echo: Echo
    challenge: str = 'Basic realm="registry"'
    token: Callable[[str], Answer] = lambda form: Answer(200, {}, encoded({"token": form}))
    authorizations: set[str] = field(default_factory=set)

    def answer(self, seen: Seen) -> Answer:
        if seen.authorization or SECRET.encode() in seen.body:
            self.authorizations.add(seen.authorization or seen.body.decode())
        number = re.search(r"form-(\d)", seen.path + str(seen.query) + seen.body.decode())
        form = list(FORMS.values())[int(number[1]) if number else 0]
        if seen.path == "/token":
            return self.token(form)
        if self.authorizations:
            return self.echo(seen, form)
        return Answer(401, {"WWW-Authenticate": self.challenge.format(host=seen.headers["Host"])})

    @property
    def received_the_secret(self) -> bool:
        return any(BASIC in text or SECRET in text for text in self.authorizations)


def template_for(host: str) -> dict[str, Any]:
    """Return a template with two images per form, one of which must not be an index."""

    def image(name: str) -> dict[str, Any]:
        return {"Fn::PinDigest": {"Image": f"{host}/{name}:1", "Platform": "linux/amd64"}}

    numbers = range(len(FORMS))
    return {
        "Resources": {
            "Web": task(*(image(f"web/form-{number}") for number in numbers)),
            **{
                f"Job{number}": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {"Code": {"ImageUri": image(f"job/form-{number}")}},
                }
                for number in numbers
            },
        }
    }


@pytest.fixture(scope="module")
def stored() -> Iterator[dict[str, str]]:
    """Store the credentials in the Parameter Store and Secrets Manager; return their locations."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith(("AWS_", "IMAGE_PINNER_"))]:
            patched.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "testing")
        with mock_aws():
            ssm = boto3.client("ssm", region_name="us-east-1")
            ssm.put_parameter(Name="/line", Value=f"{USER}:{SECRET}", Type="SecureString")
            secrets = boto3.client("secretsmanager", region_name="us-east-1")
            value = json.dumps({"username": USER, "password": SECRET})
            made = secrets.create_secret(Name="registry", SecretString=value)
            token = secrets.create_secret(Name="token", SecretString=json.dumps({"identitytoken": SECRET}))
            yield {"ssm": "ssm:/line", "secret": made["ARN"], "token": token["ARN"]}


def settings_for(certificate: ServerCertificate) -> dict[str, str]:
    """Return settings that trust a certificate, and that leave a busy machine enough time."""
    return {
        "IMAGE_PINNER_CA_BUNDLES": f"*={certificate.ca_file}",
        "IMAGE_PINNER_TIMEOUT": SECONDS,
        "IMAGE_PINNER_HOST_TIMEOUT": SECONDS,
    }


def expect_no_output(
    script: Registry, certificate: ServerCertificate, location: str, settings: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Check that the macro shows nothing of what a registry repeats whose credentials are at a location."""
    log: list[str] = []
    with ScriptedRegistry(script.answer, certificate=certificate.context) as registry:
        environment = settings_for(certificate) | {
            name: value.format(host=registry.host) for name, value in settings.items()
        }
        environment["IMAGE_PINNER_CREDENTIALS"] = f"{registry.host}={location}"
        macro = Macro.on_aws(AwsResolvers(), environment, log.append)
        response = macro.answer(event_for(template_for(registry.host)), FUNCTION)
    assert script.received_the_secret
    assert response["status"] == "failure"
    assert "internal error" not in response["errorMessage"]
    expect_nothing_of_it("".join([response["errorMessage"], *log]))


@pytest.mark.parametrize("echo", ECHOES)
def test_nothing_that_a_registry_repeats_is_shown(
    echo: str, certificate: ServerCertificate, stored: Mapping[str, str]
) -> None:
    expect_no_output(Registry(ECHOES[echo]), certificate, stored["ssm"])


@dataclass
class Bus:
    """Receives the events of the macro."""

    events: list[str] = field(default_factory=list)
    max_detail_bytes: int = 200_000

    def put(self, details: Sequence[str], *_: Any, **__: Any) -> None:
        self.events += details


def test_a_pinned_image_brings_no_text_of_its_registry(
    certificate: ServerCertificate, stored: Mapping[str, str]
) -> None:
    def answer(seen: Seen, form: str) -> Answer:
        described = config_for("linux", "amd64", "v1", author=form, history=[{"comment": form}])
        if "/blobs/" in seen.path:
            return Answer(200, {"Content-Type": form}, described)
        notes = {"annotations": {"org.opencontainers.image.title": form}}
        return sent(oci_image(described, **notes), ETag=form, Server=form, Warning=form, OCI_Subject=form)

    script, bus, log = Registry(answer), Bus(), []
    with ScriptedRegistry(script.answer, certificate=certificate.context) as registry:
        environment = settings_for(certificate) | {
            "IMAGE_PINNER_CREDENTIALS": f"{registry.host}={stored['ssm']}",
            "IMAGE_PINNER_EVENT_BUS": "deployments",
        }
        macro = Macro.on_aws(AwsResolvers(), environment, log.append)
        macro = macro._replace(event_publisher=lambda *_: bus)  # type: ignore[arg-type, return-value]
        response = macro.answer(event_for(template_for(registry.host)), FUNCTION)
    assert script.received_the_secret
    assert response["status"] == "success"
    assert len(json.loads(bus.events[0])["images"]) == len(json.loads(log[0])["images"]) == 2 * len(FORMS)
    expect_nothing_of_it("".join([json.dumps(response), *log, *bus.events]))


def head_echo(digest: str, echo: Echo) -> Echo:
    """Return a registry that sends a digest in the response to HEAD, and then something else."""

    def answer(seen: Seen, form: str) -> Answer:
        headers = {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": digest, "Content-Length": "9"}
        return Answer(200, headers) if seen.method == "HEAD" else echo(seen, form)

    return answer


HEAD_ECHOES = {
    "another manifest": head_echo(DIGEST, manifest(lambda _: oci_image())),
    "error": head_echo(DIGEST, errors(403)),
    "missing": head_echo(DIGEST, errors(404, "MANIFEST_UNKNOWN")),
    "redirect": head_echo(DIGEST, redirect("/to/{form}")),
    "endless redirect": head_echo(DIGEST, ECHOES["endless redirect"]),
}


@pytest.mark.parametrize("echo", HEAD_ECHOES)
def test_a_digest_in_a_response_to_head_is_not_shown(
    echo: str, certificate: ServerCertificate, stored: Mapping[str, str]
) -> None:
    metered = {"IMAGE_PINNER_METERED_REGISTRIES": "{host}"}
    expect_no_output(Registry(HEAD_ECHOES[echo]), certificate, stored["ssm"], metered)


TOKEN_ANSWERS: dict[str, Callable[[str], Answer]] = {
    "token": lambda form: Answer(200, {}, encoded({"token": form})),
    "invalid token": lambda form: Answer(200, {}, encoded({"token": f"{form} {form}"})),
    "no token": lambda form: Answer(200, {}, form.encode()),
    "denied": lambda form: Answer(401, {"WWW-Authenticate": form}, encoded({"details": form})),
    "throttled": lambda form: Answer(429, {"Retry-After": form}, form.encode()),
    "redirect": lambda form: Answer(302, {"Location": f"https://127.0.0.1:1/{quote(form)}"}, form.encode()),
    "encoding": lambda form: Answer(200, {"Content-Encoding": form.replace(" ", "")}, form.encode()),
}


@pytest.mark.parametrize("kind", ["secret", "token"])
@pytest.mark.parametrize("token", TOKEN_ANSWERS)
def test_nothing_that_a_token_service_repeats_is_shown(
    token: str, kind: str, certificate: ServerCertificate, stored: Mapping[str, str]
) -> None:
    challenge = 'Bearer realm="https://{host}/token",service="registry"'
    script = Registry(errors(403), challenge, TOKEN_ANSWERS[token])
    expect_no_output(script, certificate, stored[kind])


HELPER = """#!/bin/sh
cat > /dev/null
echo 'trace: {secret}' >&2
echo '{output}'
exit {code}
"""
HELPED = json.dumps({"Username": USER, "Secret": SECRET})
DOCKER_CONFIGURATIONS: dict[str, Mapping[str, Any]] = {
    "auth": {"auths": {"HOST": {"auth": BASIC}}},
    "password": {"auths": {"HOST": {"username": USER, "password": SECRET}}},
    "identity token": {"auths": {"HOST": {"identitytoken": SECRET}}},
    "helper": {"credHelpers": {"HOST": "canary"}},
    "store": {"credsStore": "canary"},
}
CLI_ECHOES = ("error 403", "missing config", "platforms of an index", "redirect")


def expect_no_output_of_cli(
    folder: Path, script: Registry, certificate: ServerCertificate, configuration: str, helper: tuple[str, int]
) -> tuple[int, str]:
    """Check that `pin` shows nothing of Docker's credentials; return its exit code and what it prints."""
    program = folder / "docker-credential-canary"
    program.write_text(HELPER.format(secret=SECRET, output=helper[0], code=helper[1]))
    program.chmod(0o755)
    report = folder / "report.json"
    with ScriptedRegistry(script.answer, certificate=certificate.context) as registry:
        (folder / "config.json").write_text(configuration.replace("HOST", registry.host))
        (folder / "template.json").write_text(json.dumps(template_for(registry.host)))
        environment = settings_for(certificate) | {
            "DOCKER_CONFIG": str(folder),
            "AWS_REGION": "us-east-1",
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        }
        command = ("pin", str(folder / "template.json"), "--report", str(report))
        run = run_main(command, Dependencies(), env=environment)
    expect_nothing_of_it(run.text + run.err + (report.read_text() if report.exists() else ""))
    return run.code, run.err


@pytest.mark.parametrize("echo", CLI_ECHOES)
@pytest.mark.parametrize("name", DOCKER_CONFIGURATIONS)
def test_credentials_of_the_docker_configuration(
    name: str, echo: str, certificate: ServerCertificate, tmp_path: Path
) -> None:
    challenge = 'Bearer realm="https://{host}/token"' if name == "identity token" else 'Basic realm="registry"'
    script = Registry(ECHOES[echo], challenge)
    code, _ = expect_no_output_of_cli(
        tmp_path, script, certificate, json.dumps(DOCKER_CONFIGURATIONS[name]), (HELPED, 0)
    )
    assert code == ExitCode.LOOKUP_FAILED
    assert script.received_the_secret


HELPERS = {
    "failing": (SECRET, 1),
    "printing no JSON": (SECRET, 0),
    "printing no secret": (json.dumps({"Username": SECRET}), 0),
    "printing a surrogate": (json.dumps({"Username": SECRET, "Secret": "\ud800"}), 0),
}


@pytest.mark.parametrize("helper", HELPERS)
def test_the_output_of_a_failing_credential_helper(helper: str, certificate: ServerCertificate, tmp_path: Path) -> None:
    configuration = json.dumps(DOCKER_CONFIGURATIONS["helper"])
    code, shown = expect_no_output_of_cli(tmp_path, Registry(errors(403)), certificate, configuration, HELPERS[helper])
    assert code == ExitCode.LOOKUP_FAILED
    assert "docker-credential-canary" in shown


@pytest.mark.parametrize(
    "configuration",
    [
        '{"auths": {"HOST": {"auth": "SECRET"}}}',
        '{"auths": {"HOST": {"identitytoken": ["SECRET"]}}}',
        '{"auths": {"HOST": "SECRET"}}',
        '{"credHelpers": {"HOST": ["SECRET"]}}',
        '{"credHelpers": {"HOST": "/SECRET"}}',
        '{"credsStore": "SECRET!"}',
        '"SECRET"',
        "SECRET",
        '{"auths": {"HOST": {"registrytoken": "SECRET"}}}',
    ],
)  # fmt: skip
def test_an_invalid_docker_configuration(configuration: str, certificate: ServerCertificate, tmp_path: Path) -> None:
    text = configuration.replace("SECRET", SECRET)
    code, shown = expect_no_output_of_cli(tmp_path, Registry(errors(403)), certificate, text, (HELPED, 0))
    assert code in {ExitCode.USAGE_ERROR, ExitCode.LOOKUP_FAILED}
    assert "config" in shown


def test_the_valid_name_of_a_credential_helper_is_shown(certificate: ServerCertificate, tmp_path: Path) -> None:
    """It is a program that the user must install, and the file is the user's own."""
    configuration = '{"credHelpers": {"HOST": "absent"}}'
    code, shown = expect_no_output_of_cli(tmp_path, Registry(errors(403)), certificate, configuration, (HELPED, 0))
    assert code == ExitCode.LOOKUP_FAILED
    assert "docker-credential-absent" in shown


@pytest.mark.parametrize("content", [SECRET, f'{{"password": "{SECRET}"', f'{{"username": "{SECRET}"}}'])
def test_invalid_stored_credentials(content: str, certificate: ServerCertificate, stored: Mapping[str, str]) -> None:
    assert stored
    ssm = boto3.client("ssm", region_name="us-east-1")
    ssm.put_parameter(Name="/invalid", Value=content, Type="SecureString", Overwrite=True)
    log: list[str] = []
    with ScriptedRegistry(Registry(errors(403)).answer, certificate=certificate.context) as registry:
        credentials = {"IMAGE_PINNER_CREDENTIALS": f"{registry.host}=ssm:/invalid"}
        macro = Macro.on_aws(AwsResolvers(), settings_for(certificate) | credentials, log.append)
        response = macro.answer(event_for(template_for(registry.host)), FUNCTION)
    assert "are invalid" in response["errorMessage"]
    expect_nothing_of_it("".join([response["errorMessage"], *log]))
