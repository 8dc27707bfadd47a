"""A secret that an event, a setting or the environment contains is in no output: each test plants one and searches it.

Outputs are the response (its fragment is the caller's own on failure), the log record with its metrics, the event, the
requests, standard output, standard error, and reports.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.console import Dependencies
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.settings import SETTING_RULES
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner, run_main
from support.macro import Context, event_for, event_for_template
from support.registries import Answer, ScriptedRegistry
from support.templates import task

WORDS = ("Xq7rT2pLm9", "Zk4wV8sNb3")
SECRET = "/".join(WORDS).lower()
"""A valid repository: it can become a part of a reference, and each of its two parts is a secret on its own."""
BUS = {"IMAGE_PINNER_EVENT_BUS": "deployments"}
FUNCTION = Context(60_000, "arn:aws:lambda:us-east-1:111122223333:function:pinner:live")


def expect_inside(output: str) -> None:
    """Check that an output has no part of the secret, however it is written."""
    for word in SECRET.split("/"):
        assert word not in output.lower()


@dataclass
class Outputs:
    """The macro with everything that it writes, apart from the fragment."""

    environment: Mapping[str, str] = field(default_factory=dict)
    registry: InMemoryRegistry = field(default_factory=lambda: InMemoryRegistry(has_every_image=True))
    texts: list[str] = field(default_factory=list)
    status: str = ""
    message: str = ""
    max_detail_bytes: int = 200_000

    def put(self, details: Sequence[str], *_: Any) -> None:
        """Send events."""
        self.texts += details

    def run(self, event: Any, context: Any = FUNCTION) -> str:
        """Return everything that the macro writes for an event."""
        macro = Macro(
            lambda *_: Resolvers(self.registry, self.registry, self.registry.deployments),
            {**BUS, **self.environment},
            self.texts.append,
            event_publisher=lambda *_: self,  # type: ignore[arg-type, return-value]
        )
        response = macro.answer(event, context)
        self.status, self.message = response["status"], response.get("errorMessage", "")
        requests = [str(lookup) for lookup in (*self.registry.image_lookups, *self.registry.value_lookups)]
        returned = response["fragment"] if self.status == "success" else ""
        return "\n".join([*self.texts, *requests, self.message, json.dumps(returned)])


EXPRESSIONS = {
    "reference": {"Ref": "Password"},
    "marked": {"Fn::Sub": "!PinDigest ${Password}:1"},
    "repository": {"Fn::Sub": "!PinDigest evil.example/${Password}:1"},
    "join": {"Fn::Join": ["", ["!PinDigest evil.example/", {"Ref": "Password"}]]},
    "part": {"Fn::Join": ["/", ["!PinDigest a", {"Fn::Select": [0, {"Fn::Split": ["/", {"Ref": "Password"}]}]}]]},
    "base64": {"Fn::Sub": ["!PinDigest evil.example/${P}", {"P": {"Fn::Base64": {"Ref": "Password"}}}]},
    "branch": {"Fn::If": ["IsA", "!PinDigest a:1", {"Fn::Sub": "!PinDigest ${Password}"}]},
    "parameter name": {"Fn::Sub": "!PinDigest evil.example/a:{{resolve:ssm:/${Password}}}"},
    "export": {"Fn::ImportValue": {"Ref": "Password"}},
    "long form": {"Fn::PinDigest": {"Image": {"Ref": "Password"}}},
    "platform": {"Fn::PinDigest": {"Image": "a:1", "Platform": {"Ref": "Password"}}},
}  # fmt: skip
VALUES = {"Password": SECRET}
NO_ECHO = {"Password": {"Type": "String", "NoEcho": True}}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("pin", ["All", "Marked"])
@pytest.mark.parametrize("parameters", [NO_ECHO, {}], ids=["declared", "not declared"])
def test_a_no_echo_value_of_a_template(name: str, pin: str, parameters: dict[str, Any]) -> None:
    template = {"Parameters": parameters, "Resources": {"Web": task(EXPRESSIONS[name], "!PinDigest nginx:1")}}
    expect_inside(Outputs().run(event_for(template, {"Pin": pin}, VALUES)))


def test_a_no_echo_value_next_to_a_pinned_image() -> None:
    web = task("!PinDigest nginx:1")
    web["Properties"]["ContainerDefinitions"][0]["Environment"] = [{"Name": "P", "Value": {"Ref": "Password"}}]
    outputs = Outputs()
    expect_inside(outputs.run(event_for({"Parameters": NO_ECHO, "Resources": {"Web": web}}, {}, VALUES)))
    assert outputs.status == "success"


FORMS = {
    "properties": lambda image: {"Name": "web", "Image": image},
    "a resource": task,
    "resources": lambda image: {"Web": task(image)},
    # What looks like sections of a template are properties, for example those of a nested stack.
    "properties named Parameters": lambda image: {"Image": image, "Parameters": {"Password": {"Ref": "Password"}}},
    "declared properties": lambda image: {"Image": image, "Parameters": {"Password": {"Type": "String"}}},
    "properties named Resources": lambda image: {
        "Resources": {"Web": task(image)},
        "Parameters": {"Password": {"Ref": "Password"}},
    },
    "a version": lambda image: {"AWSTemplateFormatVersion": "2010-09-09", "Image": image},
}


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_a_value_in_a_snippet(form: str, name: str) -> None:
    outputs = Outputs()
    expect_inside(outputs.run(event_for(FORMS[form](EXPRESSIONS[name]), {"Pin": "All"}, VALUES)))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_value_in_the_image_of_a_snippet(name: str) -> None:
    expect_inside(Outputs().run(event_for({}, {"Image": EXPRESSIONS[name]}, VALUES)))


def test_the_refusal_of_a_value_names_the_parameter_and_the_setting() -> None:
    outputs = Outputs()
    outputs.run(event_for({"Image": EXPRESSIONS["marked"]}, {}, VALUES))
    assert "a snippet cannot use the parameter 'Password'" in outputs.message
    assert "list Password in IMAGE_PINNER_SNIPPET_PARAMETERS" in outputs.message


OPTIONS = [
    *({"Image": text} for text in (SECRET, f"evil.example/{SECRET}:1", f"!PinDigest {SECRET}", [SECRET])),
    *({"Image": "nginx:1", name: SECRET} for name in ("Platform", "WhenMissing", "StackName", "Nonsense", "Service")),
    *({"Pin": value} for value in (SECRET, [SECRET], {SECRET: "x"})),
    *({"Pin": "All", name: SECRET} for name in ("StackName", "Family", "Service", "Record", "Refresh", "Lock")),
    {"Pin": "All", "Lock": f"ssm:/{SECRET}"},
    {"Pin": "All", "Refresh": "Never", "Service": f"shop/{SECRET.replace('/', '-')}", "Family": SECRET},
    {SECRET: "All"},
]  # fmt: skip
"""Options that CloudFormation evaluated from a `Ref`."""


@pytest.mark.parametrize("options", OPTIONS, ids=json.dumps)
@pytest.mark.parametrize("fragment", [{}, {"Name": "web"}, None], ids=["value", "properties", "template"])
def test_a_value_that_cloudformation_evaluated_into_an_option(options: dict[str, Any], fragment: Any) -> None:
    template = {"Parameters": NO_ECHO, "Resources": {"Web": task("!PinDigest ${AWS::StackName}/nginx:1")}}
    values = {"Password": SECRET, "Other": SECRET.replace("/", "-")}
    template["Parameters"] = {**NO_ECHO, "Other": {"Type": "String", "NoEcho": "true"}}
    event = event_for(template if fragment is None else fragment, options, values)
    outputs = Outputs({"IMAGE_PINNER_STATE_SCOPE": "stack:*;service:*;family:*"})
    expect_inside(outputs.run(event))
    assert outputs.status == "failure"
    assert "contain the value of the parameter" in outputs.message


@pytest.mark.parametrize("value", ["All", "Metadata", "None", "", "1"])
def test_an_option_that_is_an_ordinary_word_is_not_taken_for_a_secret(value: str) -> None:
    template = {"Parameters": NO_ECHO, "Resources": {"Web": task("nginx:1.1")}}
    outputs = Outputs()
    outputs.run(event_for(template, {"Pin": "All", "Record": "Metadata"}, {"Password": value}))
    assert outputs.status == "success"


LISTED = {"IMAGE_PINNER_SNIPPET_PARAMETERS": "Password"}


def test_a_listed_parameter_is_used() -> None:
    outputs = Outputs(LISTED)
    assert "evil.example/app@sha256:" in outputs.run(
        event_for({"Image": EXPRESSIONS["repository"]}, {}, {"Password": "app"})
    )
    assert outputs.status == "success"


@pytest.mark.parametrize(
    ("fragment", "options"),
    [
        ({"Image": {"Fn::Sub": "!PinDigest ${Password}:A!"}}, {}),
        ({"Image": {"Fn::Sub": "!PinDigest ${Password}"}}, {}),
        ({"Image": {"Fn::Sub": "!PinDigest evil.example/${Password}:1"}}, {}),
        ({"Image": {"Fn::Sub": "!PinDigest ${Password}.example/app:1"}}, {}),
        ({}, {"Image": f"evil.example/{SECRET}:1"}),
        ({}, {"Image": SECRET}),
        ({"Image": "nginx:1"}, {"Pin": SECRET}),
    ],
)
def test_an_error_of_a_snippet_shows_no_value_of_a_listed_parameter(fragment: Any, options: Any) -> None:
    outputs = Outputs(LISTED, InMemoryRegistry())
    record = outputs.run(event_for(fragment, options, VALUES))
    assert outputs.status == "failure"
    expect_inside("\n".join([*outputs.texts, outputs.message]))
    assert "they can contain the values of Password; help: call the macro" in record


SETTINGS = [rule.variable for rule in SETTING_RULES if rule.accepts]
BROKEN = [f"{SECRET}@!", f"docker.io=robot:{SECRET}@mirror!", f"{SECRET}!=docker.io", f"; https://robot:{SECRET}@x;\n!"]


@pytest.mark.parametrize("variable", SETTINGS)
@pytest.mark.parametrize("text", BROKEN)
def test_an_invalid_setting_of_the_macro(variable: str, text: str) -> None:
    template = {"Resources": {"Web": task("!PinDigest nginx:1")}}
    outputs = Outputs({variable: text})
    expect_inside(outputs.run(event_for(template)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    template = {"Parameters": NO_ECHO, "Resources": {"Web": task("!PinDigest nginx:1")}}
    (tmp_path / "good.json").write_text(json.dumps(template))
    template["Resources"] = {"Web": task({"Fn::Sub": "!PinDigest evil.example/${Password}:1"})}
    (tmp_path / "secret.json").write_text(json.dumps(template))
    (tmp_path / "event.json").write_text(json.dumps(event_for_template(template, VALUES)))
    return tmp_path


def _commands(folder: Path, name: str, *parameters: str) -> Iterator[tuple[str, ...]]:
    file = str(folder / name)
    yield ("pin", file, "--report", str(folder / "report.json"), *parameters)
    yield ("pin", file, "--write-parameters", str(folder / "parameters.json"), *parameters)
    yield ("check", file)
    yield ("check", file, "--format", "json")
    yield ("lock", file, "-o", str(folder / "images.lock.json"), *parameters)
    yield ("update", "--check", file)
    yield ("invoke", str(folder / "event.json"))


def _written(folder: Path) -> str:
    names = ("report.json", "images.lock.json", "parameters.json")
    return "".join((folder / name).read_text() for name in names if (folder / name).exists())


@pytest.mark.parametrize("name", ["good.json", "secret.json"])
def test_a_no_echo_value_of_the_command(folder: Path, name: str) -> None:
    for command in _commands(folder, name, "--parameter", f"Password={SECRET}"):
        run = image_pinner(*command)
        shown = run.text if command[0] != "invoke" else json.dumps({**json.loads(run.text), "fragment": ""})
        expect_inside(shown + run.err + _written(folder))


@pytest.mark.parametrize("variable", ["IMAGE_PINNER_MIRRORS", "IMAGE_PINNER_CREDENTIALS", "IMAGE_PINNER_TIMEOUT"])
def test_an_invalid_setting_of_the_command(folder: Path, variable: str) -> None:
    for command in _commands(folder, "good.json"):
        run = image_pinner(*command, env={variable: BROKEN[1]})
        expect_inside(run.text + run.err + _written(folder))


KEYS = {
    "AWS_ACCESS_KEY_ID": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": SECRET,
    "IMAGE_PINNER_EVENT_BUS": "deployments",
}


def test_aws_keys(folder: Path) -> None:
    for failing in (False, True):
        registry = InMemoryRegistry(has_every_image=not failing)
        expect_inside(Outputs(KEYS, registry).run(event_for({"Resources": {"Web": task("!PinDigest nginx:1")}})))
        for command in _commands(folder, "good.json"):
            run = image_pinner(*command, resolvers=registry, env={**KEYS, "IMAGE_PINNER_EVENT_BUS": ""})
            expect_inside(run.err + _written(folder))


def test_the_demo_shows_no_key_of_the_environment() -> None:
    run = image_pinner("demo", "--help", env=KEYS)
    expect_inside(run.text + run.err)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Put the secret into the Parameter Store and Secrets Manager; return the ARNs and names by kind."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "IMAGE_PINNER_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        ssm = boto3.client("ssm", region_name="us-east-1")
        ssm.put_parameter(Name="/secure", Value=SECRET, Type="SecureString")
        ssm.put_parameter(Name="/credentials", Value=f'{{"password": "{SECRET}"', Type="SecureString")
        made = boto3.client("secretsmanager", region_name="us-east-1").create_secret(
            Name="hub", SecretString=f"robot:{SECRET}"
        )
        yield {"secret": made["ARN"]}


@pytest.mark.parametrize(
    "image",
    [
        "!PinDigest nginx:{{resolve:ssm:/secure}}",
        "!PinDigest nginx:{{resolve:ssm-secure:/secure}}",
        "!PinDigest nginx:{{resolve:secretsmanager:hub}}",
        {"Ref": "Stored"},
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_secure_string_and_a_secret_in_an_image(image: Any, tmp_path: Path) -> None:
    parameters = {"Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/secure"}}
    template = {"Parameters": parameters, "Resources": {"Web": task(image)}}
    log: list[str] = []
    response = Macro.on_aws(AwsResolvers(), {}, log.append).answer(event_for(template, {"Pin": "All"}), FUNCTION)
    assert response["status"] == "failure"
    expect_inside(response["errorMessage"] + "".join(log))
    (tmp_path / "a.json").write_text(json.dumps(template))
    run = run_main(
        ("pin", str(tmp_path / "a.json"), "--pin", "All"),
        Dependencies(),
        env=dict(os.environ) | {"AWS_REGION": "us-east-1"},
    )
    assert run.code
    expect_inside(run.text + run.err)


def _registry(status: int) -> ScriptedRegistry:
    challenge = {401: {"WWW-Authenticate": 'Basic realm="x"'}}
    return ScriptedRegistry(lambda _: Answer(status, challenge.get(status, {}), b'{"errors": [{"message": "no"}]}'))


@pytest.mark.parametrize("status", [401, 403, 404, 500])
@pytest.mark.parametrize("location", ["ssm:/credentials", "secret", "ssm:/secure"])
def test_stored_registry_credentials(status: int, location: str, stored: dict[str, str]) -> None:
    with _registry(status) as registry:
        template = {"Resources": {"Web": task(f"!PinDigest {registry.host}/app:1")}}
        environment = {
            "IMAGE_PINNER_CREDENTIALS": f"{registry.host}={stored.get(location, location)}",
            "IMAGE_PINNER_INSECURE_REGISTRIES": registry.host,
            "IMAGE_PINNER_TIMEOUT": "2",
        }
        log: list[str] = []
        response = Macro.on_aws(AwsResolvers(), environment, log.append).answer(event_for(template), FUNCTION)
    assert response["status"] == "failure"
    expect_inside(response["errorMessage"] + "".join(log))


DOCKER_CONFIGURATIONS = [
    '{{"auths": {{"{host}": {{"auth": "{secret}"}}}}}}',
    '{{"auths": {{"{host}": {{"username": "robot", "password": "{secret}"}}}}}}',
    '{{"credHelpers": {{"{host}": "{secret}"}}}}',
    "{secret}",
]


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("content", DOCKER_CONFIGURATIONS)
def test_credentials_of_the_docker_configuration(status: int, content: str, tmp_path: Path) -> None:
    with _registry(status) as registry:
        template = {"Resources": {"Web": task(f"!PinDigest {registry.host}/app:1")}}
        (tmp_path / "a.json").write_text(json.dumps(template))
        (tmp_path / "config.json").write_text(content.format(host=registry.host, secret=SECRET))
        environment = {"DOCKER_CONFIG": str(tmp_path), "AWS_REGION": "us-east-1", "IMAGE_PINNER_TIMEOUT": "2"}
        options = ("--insecure-registry", registry.host, "--report", str(tmp_path / "report.json"))
        run = run_main(("pin", str(tmp_path / "a.json"), *options), Dependencies(), env=environment)
    assert run.code
    expect_inside(run.text + run.err + _written(tmp_path))


def test_an_exception_of_a_resolver() -> None:
    class Failing:
        def resolve_all(self, *_: Any) -> Any:
            raise KeyError(SECRET)

    outputs: list[str] = []
    failing: Any = Failing()
    macro = Macro(lambda *_: Resolvers(failing), {}, outputs.append)
    response = macro.answer(event_for({"Resources": {"Web": task("!PinDigest nginx:1")}}), FUNCTION)
    expect_inside(response["errorMessage"] + "".join(outputs))


def test_an_event_that_cannot_be_sent() -> None:
    class Closed(Outputs):
        def put(self, *_: Any) -> None:
            raise OSError(SECRET)

    outputs = Closed()
    expect_inside(outputs.run(event_for({"Resources": {"Web": task("!PinDigest nginx:1")}})))
    assert outputs.status == "success"
