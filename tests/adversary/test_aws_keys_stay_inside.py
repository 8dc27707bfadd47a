"""AWS keys, passwords of endpoints and proxies, and external IDs are in no output, whatever the service responds."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.console import Dependencies, ExitCode
from image_pinner.lambda_macro.handler import Macro
from support.command import run_main
from support.macro import FUNCTION, event_for
from support.registries import Answer, ScriptedRegistry, Seen
from support.templates import ECR, REGION, task

ACCESS_KEY = "AKIAXQ7RT2PLM9ZK4WV8"
SECRET_KEY = "hJ3kLm9Qw2Er5Ty7Ui8Op0As"
SESSION_TOKEN = "IQoJb3JpZ2luX2VjEXq7rT2pLm9"
PASSWORD = "Xq7rT2pLm9Zk4wV8sNb3"
SECRETS = (ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, PASSWORD)
KEYS = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": SESSION_TOKEN,
    "AWS_EC2_METADATA_DISABLED": "true",
}
TEMPLATE = {"Resources": {"Web": task(f"!PinDigest {ECR}/team/app:1", "!PinDigest a/b:{{resolve:ssm:/tag}}")}}


def expect_inside(output: str) -> None:
    """Check that an output has none of the secrets."""
    assert [secret for secret in SECRETS if secret.lower() in output.lower()] == [], output


def signature_of(seen: Seen, key: str) -> str:
    """Return the signature of a request: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html."""
    fields = dict(part.split("=", 1) for part in seen.authorization.partition(" ")[2].split(", "))
    scope, names = fields["Credential"].split("/")[1:], fields["SignedHeaders"]
    headers = "".join(f"{name}:{' '.join(seen.headers[name].split())}\n" for name in names.split(";"))
    body = hashlib.sha256(seen.body).hexdigest()
    request = hashlib.sha256(f"{seen.method}\n{seen.path}\n\n{headers}\n{names}\n{body}".encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{seen.headers['X-Amz-Date']}\n{'/'.join(scope)}\n{request}"
    signing_key = f"AWS4{key}".encode()
    for part in scope:
        signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
    return hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()


def is_signed(seen: Seen) -> bool:
    """Return whether all three keys were used for a request."""
    return (
        f"Credential={ACCESS_KEY}/" in seen.authorization
        and seen.headers["X-Amz-Security-Token"] == SESSION_TOKEN
        and seen.authorization.endswith(f"Signature={signature_of(seen, SECRET_KEY)}")
    )


def echo(code: str) -> Callable[[Seen], Answer]:
    """Return a service that responds with an error which repeats the headers of the request, as AWS does."""

    def answer(seen: Seen) -> Answer:
        names = ("x-amz-security-token", "host", "authorization", "x-amz-date")
        headers = "\n".join(f"{name}:{seen.headers[name]}" for name in names)
        message = f"The Canonical String for this request should have been 'POST\n/\n\n{headers}\n'"
        if b"Action=AssumeRole" in seen.body:
            message = f"{seen.body.decode().replace('&', ' ')} {message}"
            error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            return Answer(400, {"x-amzn-RequestId": "7f1c"}, f"<ErrorResponse>{error}</ErrorResponse>".encode())
        body = json.dumps({"__type": code, "message": message}).encode()
        return Answer(400, {"Content-Type": "application/x-amz-json-1.1"}, body)

    return answer


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith(("AWS_", "IMAGE_PINNER_"))]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    return monkeypatch


CODES = (
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignatureException",
    "AccessDeniedException",
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "ValidationException",
    "InvalidParameterException",
)


def outputs_of(folder: Path, settings: Mapping[str, str], endpoint: Mapping[str, str]) -> str:
    """Return everything that the macro and the command write."""
    log: list[str] = []
    macro = Macro.on_aws(AwsResolvers(), {"IMAGE_PINNER_TIMEOUT": "60", **settings}, log.append)
    response = macro.answer(event_for(TEMPLATE), FUNCTION)
    assert response["status"] == "failure"
    assert "internal error (" not in response["errorMessage"]
    template, report = folder / "template.json", folder / "report.json"
    template.write_text(json.dumps(TEMPLATE))
    environment = {**KEYS, **settings, **endpoint, "AWS_REGION": REGION, "IMAGE_PINNER_TIMEOUT": "60"}
    run = run_main(("pin", str(template), "--report", str(report)), Dependencies(), env=environment)
    assert run.code == ExitCode.LOOKUP_FAILED
    return "".join([response["errorMessage"], *log, run.text, run.err, report.read_text()])


@pytest.mark.parametrize("code", CODES)
def test_aws_keys(code: str, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ScriptedRegistry(echo(code)) as service:
        keys.setenv("AWS_ENDPOINT_URL", service.url)
        output = outputs_of(tmp_path, {}, {"AWS_ENDPOINT_URL": service.url})
    assert service.seen
    assert all(map(is_signed, service.seen))
    expect_inside(output)


@pytest.mark.parametrize("code", CODES)
def test_the_external_id_of_a_role(code: str, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = {"IMAGE_PINNER_ECR_ROLES": f"111122223333=arn:aws:iam::111122223333:role/reader {PASSWORD}"}
    with ScriptedRegistry(echo(code)) as service:
        keys.setenv("AWS_ENDPOINT_URL", service.url)
        output = outputs_of(tmp_path, settings, {"AWS_ENDPOINT_URL": service.url})
    assert any(f"ExternalId={PASSWORD}" in seen.body.decode() for seen in service.seen)
    expect_inside(output)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR", "HTTPS_PROXY"])
def test_the_password_of_an_endpoint_or_a_proxy(variable: str, keys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ScriptedRegistry(echo("AccessDeniedException")) as service:
        environment = {"AWS_ENDPOINT_URL": service.url, variable: f"http://robot:{PASSWORD}@{service.host}"}
        if variable == "HTTPS_PROXY":
            del environment["AWS_ENDPOINT_URL"]
        for name, value in environment.items():
            keys.setenv(name, value)
        output = outputs_of(tmp_path, {}, environment)
    assert service.connections or "the configured URL is not valid" in output
    expect_inside(output)
