"""The SSM parameter with gates: read with a bounded cache, and closed on every failure."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.core.gates.configuration import parse_gates
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers, read_gates
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.gates import MAX_AGE, GateCache, GateParameters
from image_pinner.sources.interface import Deadline, NothingKnown
from support.gates import with_gates
from support.macro import event_for
from support.templates import EveryDigest, task

NAME = "/image-pinner/gates"
DENIAL = (
    "User: arn:aws:sts::111122223333:assumed-role/macro/s is not authorized to perform: ssm:GetParameter on resource: "
    f"arn:aws:ssm:eu-west-1:111122223333:parameter{NAME} because no identity-based policy allows it"
)


class StubbedSsm:
    """A session whose SSM client is stubbed."""

    def __init__(self) -> None:
        self.ssm = boto3.client("ssm", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
        self.stub = Stubber(self.ssm)
        self.cache: GateCache = {}
        self.now = 100.0

    def client(self, service: str, **options: Any) -> Any:
        assert (service, options["region_name"]) == ("ssm", "eu-west-1")
        return self.ssm

    def returns(self, value: str, kind: str = "String") -> None:
        self.stub.add_response("get_parameter", {"Parameter": {"Value": value, "Type": kind}}, {"Name": NAME})

    def read(self, seconds: float = 60) -> str:
        parameters = GateParameters(AwsClients(lambda: self), "eu-west-1", self.cache, lambda: self.now)
        with self.stub:
            return parameters.read_gates(NAME, Deadline.after(seconds))


@pytest.mark.parametrize(
    ("code", "message", "kind", "cause"),
    [
        (
            "AccessDeniedException",
            DENIAL,
            ConfigurationError,
            f"ssm:GetParameter is denied on arn:aws:ssm:eu-west-1:111122223333:parameter{NAME}",
        ),
        ("ParameterNotFound", "", ConfigurationError, "it does not exist in Parameter Store in eu-west-1"),
        ("InvalidKeyId", "the key is disabled", ConfigurationError, "(InvalidKeyId: the key is disabled)"),
        ("ParameterVersionNotFound", "no version 9", ConfigurationError, "(ParameterVersionNotFound: no version 9)"),
        ("ValidationException", "no such label", ConfigurationError, "(ValidationException: no such label)"),
        ("ThrottlingException", "", SourceError, "Parameter Store in eu-west-1"),
        ("InternalServerError", "", SourceError, "Parameter Store in eu-west-1"),
    ],
)
def test_a_failed_read_is_an_error(code: str, message: str, kind: type[ImagePinnerError], cause: str) -> None:
    ssm = StubbedSsm()
    ssm.stub.add_client_error("get_parameter", code, message)
    with pytest.raises(kind) as caught:
        ssm.read()
    assert caught.value.cause.startswith(f"cannot read the gates in the SSM parameter {NAME}: ")
    assert cause in caught.value.cause
    assert caught.value.help


def test_a_missing_permission_names_its_action() -> None:
    ssm = StubbedSsm()
    ssm.stub.add_client_error("get_parameter", "AccessDeniedException", DENIAL)
    with pytest.raises(ConfigurationError) as caught:
        ssm.read()
    assert caught.value.help == "allow ssm:GetParameter on it in the policy of the caller's role"


def test_without_a_region_nothing_is_read() -> None:
    with pytest.raises(ConfigurationError, match=rf"SSM parameter {NAME}: the AWS region is unknown$") as caught:
        GateParameters(AwsClients(StubbedSsm), "", {}).read_gates(NAME, Deadline.after(60))
    assert caught.value.help == "set the AWS region"


def test_after_the_deadline_nothing_is_read() -> None:
    with pytest.raises(SourceError, match=rf"SSM parameter {NAME}: .* did not respond within"):
        StubbedSsm().read(seconds=0)


def test_a_secret_is_refused() -> None:
    ssm = StubbedSsm()
    ssm.returns("age.minimum=3d", "SecureString")
    with pytest.raises(ConfigurationError, match=rf"SSM parameter {NAME}: it is a SecureString"):
        ssm.read()


def test_a_value_is_used_for_a_minute_and_never_after_a_failed_read() -> None:
    ssm = StubbedSsm()
    ssm.returns("age.minimum=3d")
    assert ssm.read() == "age.minimum=3d"
    ssm.now += MAX_AGE - 1
    assert ssm.read() == "age.minimum=3d"
    ssm.now += 2
    ssm.returns("age.minimum=4d")
    assert ssm.read() == "age.minimum=4d"
    ssm.now += MAX_AGE
    ssm.stub.add_client_error("get_parameter", "ParameterNotFound")
    with pytest.raises(ConfigurationError):
        ssm.read()


class Parameter(NothingKnown):
    """Returns one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read_gates(self, name: str, deadline: Deadline) -> str:
        assert name == NAME
        assert deadline.remaining() > 0
        return self.text


def settings_of(text: str, *configured: str) -> Settings:
    return read_gates(with_gates(*configured, gates_parameter=NAME), Parameter(text), Deadline.after(60))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("age.minimum=x", "invalid entry 'age.minimum=x' of option Gates"),
        ("agee.minimum=3d", "unknown gate 'agee' (did you mean 'age'?)"),
        ("tags.mode=deny", "a gate has no effect"),
        ("age.mode=off", "age.mode=off is less strict than the configured age.mode=deny"),
        ("age.minimum=1d", "age.minimum=1d is less strict than the configured age.minimum=3d"),
    ],
)
def test_an_invalid_or_looser_text_is_an_error(text: str, cause: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(text, "age.minimum=3d")
    assert caught.value.cause == f"invalid gates in the SSM parameter {NAME}: {cause}"


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_text_changes_nothing(text: str) -> None:
    assert settings_of(text, "age.minimum=3d").options.gates.enabled == parse_gates("age.minimum=3d").enabled  # type: ignore[union-attr]


def test_a_prepared_gate_can_be_turned_on() -> None:
    gates = settings_of("age.mode=warn", "age.minimum=3d", "age.mode=off").options.gates
    assert gates
    assert gates.enabled == parse_gates("age.minimum=3d; age.mode=warn").enabled


def test_gates_of_the_parameter_apply_and_templates_cannot_loosen_them() -> None:
    environment = {"IMAGE_PINNER_GATES_PARAMETER": NAME, "IMAGE_PINNER_GATES": "age.minimum=3d; age.mode=warn"}
    source = Parameter("tags.deny=latest\nage.minimum=4d")
    macro = Macro(lambda *_: Resolvers(EveryDigest(), gates=source), environment, lambda _: None)
    template = {"Resources": {"Web": task("!PinDigest nginx:latest")}}
    assert "gate tags denies the image" in macro.answer(event_for(template), None)["errorMessage"]
    message = macro.answer(event_for(template, {"Gates": "tags.mode=off"}), None)["errorMessage"]
    assert "tags.mode=off is less strict than the configured tags.mode=deny" in message


def test_a_template_fails_if_the_parameter_cannot_be_read() -> None:
    macro = Macro(lambda *_: Resolvers(EveryDigest()), {"IMAGE_PINNER_GATES_PARAMETER": NAME}, lambda _: None)
    response = macro.answer(event_for({"Resources": {"Web": task("!PinDigest nginx:1")}}), None)
    assert (response["status"], NAME in response["errorMessage"]) == ("failure", True)


def test_without_a_parameter_nothing_is_read() -> None:
    settings = with_gates("age.minimum=3d")
    assert read_gates(settings, NothingKnown(), Deadline.after(60)) is settings
