"""A secret that an event, a setting or the environment contains is in no output: each test plants one and searches it.

Outputs are the response (its fragment is the caller's own on failure), the log record with its metrics, the event, the
requests, standard output, standard error, and reports.
"""

from __future__ import annotations

import base64
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
from image_pinner.cli.console import Dependencies, ExitCode
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from image_pinner.settings import SETTING_RULES
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner, run_main
from support.macro import FUNCTION, event_for, event_for_template
from support.templates import task

WORDS = ("Xq7rT2pLm9", "Zk4wV8sNb3")
SECRET = "/".join(WORDS).lower()
"""A valid repository: it can become a part of a reference, and each of its two parts is a secret on its own."""
BUS = {"IMAGE_PINNER_EVENT_BUS": "deployments"}


def expect_inside(output: str) -> None:
    """Check that an output has no part of the secret, however it is written."""
    assert not shows_a_part(output), output


def shows_a_part(output: str) -> bool:
    """Return whether an output has a part of the secret."""
    return any(
        form in output.lower() for form in (*SECRET.split("/"), base64.b64encode(SECRET.encode()).decode().lower())
    )


@dataclass
class Outputs:
    """The macro with everything that it writes, apart from the fragment."""

    environment: Mapping[str, str] = field(default_factory=dict)
    registry: InMemoryRegistry = field(default_factory=lambda: InMemoryRegistry(has_every_image=True))
    texts: list[str] = field(default_factory=list)
    status: str = ""
    message: str = ""
    max_detail_bytes: int = 200_000

    def put(self, details: Sequence[str], *_: Any, **__: Any) -> None:
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


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_value_is_shown_without_no_echo(name: str) -> None:
    """Otherwise the test above would show nothing."""
    parameters = {"Password": {"Type": "String"}}
    template = {"Parameters": parameters, "Resources": {"Web": task(EXPRESSIONS[name], "!PinDigest nginx:1")}}
    assert shows_a_part(Outputs().run(event_for(template, {"Pin": "All"}, VALUES)))


def test_a_no_echo_value_next_to_a_pinned_image() -> None:
    web = task("!PinDigest nginx:1")
    web["Properties"]["ContainerDefinitions"][0]["Environment"] = [{"Name": "P", "Value": {"Ref": "Password"}}]
    outputs = Outputs()
    template = {"Parameters": NO_ECHO, "Resources": {"Web": web, "Other": task("!PinDigest nginx:2")}}
    expect_inside(outputs.run(event_for(template, {}, VALUES)))
    assert outputs.status == "success"
    event, record = map(json.loads, outputs.texts)
    assert len(event["images"]) == len(record["images"]) == record["Images"]


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


@pytest.mark.parametrize("name", sorted(EXPRESSIONS.keys() - {"base64"}))
def test_the_value_of_a_listed_parameter_is_shown(name: str) -> None:
    """Otherwise the tests of snippets would show nothing."""
    assert shows_a_part(Outputs(LISTED).run(event_for({"Image": EXPRESSIONS[name]}, {"Pin": "All"}, VALUES)))


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


# Any text is an exception process, which the configuration has for authors to read.
SETTINGS = [rule.variable for rule in SETTING_RULES if rule.field != "exception_process"]
BROKEN = [f"{SECRET}@!", f"docker.io=robot:{SECRET}@mirror!", f"{SECRET}!=docker.io", f"; https://robot:{SECRET}@x;\n!"]


@pytest.mark.parametrize("variable", SETTINGS)
@pytest.mark.parametrize("text", BROKEN)
def test_an_invalid_setting_of_the_macro(variable: str, text: str) -> None:
    template = {"Resources": {"Web": task("!PinDigest nginx:1")}}
    outputs = Outputs({variable: text})
    expect_inside(outputs.run(event_for(template)))
    accepted = variable == "IMAGE_PINNER_CA_BUNDLES" and text == BROKEN[1]  # a path, for what follows see below
    assert accepted or (outputs.status, variable in outputs.message) == ("failure", True)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("IMAGE_PINNER_CA_BUNDLES", f"*=/{SECRET}"),
        ("IMAGE_PINNER_CA_BUNDLES", BROKEN[1]),
        ("IMAGE_PINNER_CREDENTIALS", f"docker.io=env:{WORDS[0]}"),
        ("IMAGE_PINNER_CREDENTIALS", f"docker.io=file:/{SECRET}"),
    ],
)
def test_a_setting_of_the_macro_that_cannot_be_used(variable: str, text: str) -> None:
    log: list[str] = []
    template = {"Resources": {"Web": task("!PinDigest nginx:1")}}
    response = Macro.on_aws(AwsResolvers(), {variable: text}, log.append).answer(event_for(template), FUNCTION)
    assert variable in response["errorMessage"]
    expect_inside(response["errorMessage"] + "".join(log))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = {"Type": "String", "Default": "nginx:1"}
    for name, expression in (("good", "!PinDigest ${Image}"), ("secret", "!PinDigest evil.example/${Password}:1")):
        template = {
            "Transform": "ImagePinner",
            "Parameters": {**NO_ECHO, "Image": image},
            "Resources": {"Web": task({"Fn::Sub": expression})},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(template))
        (tmp_path / f"{name}.event.json").write_text(json.dumps(event_for_template(template, VALUES)))
    return tmp_path


FINDINGS, USAGE = ExitCode.FINDINGS, ExitCode.USAGE_ERROR
COMMANDS: dict[str, tuple[str, str, tuple[int, int]]] = {
    "pin": ("pin {template} --report {written} {values}", "report.json", (0, FINDINGS)),
    "pin in place": ("pin {template} --in-place {values}", "", (0, FINDINGS)),
    "pin to parameters": ("pin {template} --write-parameters {written} {values}", "values.json", (0, FINDINGS)),
    "check": ("check {template}", "", (0, FINDINGS)),
    "check as JSON": ("check {template} --format json", "", (0, FINDINGS)),
    "lock": ("lock {template} -o {written} {values}", "images.lock.json", (0, FINDINGS)),
    "update": ("update --check {template}", "", (0, 0)),
    "invoke": ("invoke {event}", "", (0, FINDINGS)),
}  # fmt: skip
"""Commands, the files that they write, and their exit codes for a template without and with the secret in an image."""


def _run_command(folder: Path, command: str, name: str, **options: Any) -> tuple[int, str, str]:
    """Return the exit code of a command, what it prints without the caller's own fragment, and what it writes."""
    text, file, _ = COMMANDS[command]
    written = folder / file
    places = {"template": folder / f"{name}.json", "event": folder / f"{name}.event.json", "written": written}
    run = image_pinner(*text.format(**places, values=f"--parameter Password={SECRET}").split(), **options)
    printed = json.dumps({**json.loads(run.text), "fragment": ""}) if command == "invoke" and run.out else run.text
    return run.code, printed + run.err, written.read_text() if written.is_file() else ""


@pytest.mark.parametrize("name", ["good", "secret"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_no_echo_value_of_the_command(folder: Path, command: str, name: str) -> None:
    code, printed, written = _run_command(folder, command, name)
    assert code == COMMANDS[command][2][name == "secret"]
    expect_inside(printed)
    assert bool(written) == bool(COMMANDS[command][1] and (name == "good" or command == "pin"))
    if command == "pin to parameters" and name == "good":
        # The user passes this file with all values to CloudFormation.
        assert {"ParameterKey": "Password", "ParameterValue": SECRET} in json.loads(written)
    else:
        expect_inside(written)


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"invoke"}))
@pytest.mark.parametrize("variable", ["IMAGE_PINNER_MIRRORS", "IMAGE_PINNER_CREDENTIALS", "IMAGE_PINNER_TIMEOUT"])
def test_an_invalid_setting_of_the_command(folder: Path, variable: str, command: str) -> None:
    code, printed, written = _run_command(folder, command, "good", env={variable: BROKEN[1]})
    assert (code, written) == (USAGE, "")
    assert variable in printed
    expect_inside(printed)


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


def test_an_exception_of_a_resolver() -> None:
    class Failing:
        def resolve_all(self, *_: Any) -> Any:
            raise KeyError(SECRET)

    outputs: list[str] = []
    failing: Any = Failing()
    macro = Macro(lambda *_: Resolvers(failing), {}, outputs.append)
    response = macro.answer(event_for({"Resources": {"Web": task("!PinDigest nginx:1")}}), FUNCTION)
    assert "internal error (KeyError)" in response["errorMessage"]
    expect_inside(response["errorMessage"] + "".join(outputs))


def test_an_event_that_cannot_be_sent() -> None:
    class Closed(Outputs):
        def put(self, *_: Any, **__: Any) -> None:
            raise OSError(SECRET)

    outputs = Closed()
    output = outputs.run(event_for({"Resources": {"Web": task("!PinDigest nginx:1")}}))
    expect_inside(output)
    assert '"event_status": "failed: internal error (OSError); help: report it"' in output
    assert outputs.status == "success"
