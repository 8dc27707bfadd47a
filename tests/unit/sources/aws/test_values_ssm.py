from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound
from moto import mock_aws

from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, SsmParameter, StackExport, Unknown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.values import SsmValueResolver
from image_pinner.sources.interface import Deadline

REGION = "eu-west-1"


class FakeParameterStore:
    """A Parameter Store where one rejected name fails the request for ten, like the service."""

    def __init__(self, values: Mapping[str, str], refused: Mapping[str, ClientError] | None = None) -> None:
        self.values = values
        self.refused = refused or {}
        self.calls: list[list[str]] = []

    def client(self, *_: Any, **__: Any) -> FakeParameterStore:
        return self

    def get_parameters(self, *, Names: Sequence[str]) -> dict[str, Any]:  # noqa: N803 - the API's name
        self.calls.append(list(Names))
        for name in Names:
            if name in self.refused:
                raise self.refused[name]
        given = [{"Name": name, "Value": self.values[name], "Type": "String"} for name in Names if name in self.values]
        return {"Parameters": given, "InvalidParameters": [name for name in Names if name not in self.values]}


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetParameters")


def resolve_values(
    session: Any, *external_values: ExternalValue, seconds: float = 20
) -> Mapping[ExternalValue, Answer]:
    return SsmValueResolver(AwsClients(lambda: session), REGION).resolve_values(
        external_values, Deadline.after(seconds)
    )


def reason(answer: Answer) -> str:
    assert isinstance(answer, Unknown)
    assert answer.help
    return answer.reason


@pytest.fixture
def parameters() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("ssm", region_name=REGION)
        for value in ("app:1", "app:2", "app:3"):
            client.put_parameter(Name="/app/image", Value=value, Type="String", Overwrite=True)
        client.put_parameter(Name="plain", Value="app:plain", Type="String")
        client.put_parameter(Name="list", Value="a:1,b:2", Type="StringList")
        client.put_parameter(Name="/app/secret", Value="hush", Type="SecureString")
        yield boto3


def test_a_parameter_or_version_that_does_not_exist_is_unknown(parameters: Any) -> None:
    absent, old = SsmParameter("/app/nothing"), SsmParameter("/app/image", 99)
    answers = resolve_values(parameters, absent, old)
    assert reason(answers[absent]) == "the SSM parameter '/app/nothing' does not exist in Parameter Store in eu-west-1"
    assert reason(answers[old]).startswith("the SSM parameter '/app/image' in version 99 does not exist")


def test_a_secret_is_not_written_into_a_template(parameters: Any) -> None:
    secret = SsmParameter("/app/secret")
    answer = resolve_values(parameters, secret)[secret]
    assert "SecureString" in reason(answer)
    assert "hush" not in str(answer)


def test_the_first_denial_is_the_answer_for_all_parameters_that_have_none_yet() -> None:
    arn = f"arn:aws:ssm:{REGION}:111122223333:parameter/p13"
    denied = refusal(
        "AccessDeniedException",
        "User: arn:aws:sts::111122223333:assumed-role/macro/x is not authorized to perform: ssm:GetParameters on "
        f"resource: {arn} because no identity-based policy allows the ssm:GetParameters action",
    )
    store = FakeParameterStore({f"p{number}": str(number) for number in range(10, 50)}, {"p23": denied})
    resolver = SsmValueResolver(AwsClients(lambda: store), REGION, workers=1)
    external_values = [SsmParameter(f"p{number}") for number in range(10, 50)]
    answers = resolver.resolve_values(external_values, Deadline.after(20))
    assert [answers[lookup] for lookup in external_values[:10]] == [Known(str(number)) for number in range(10, 20)]
    assert {reason(answers[lookup]) for lookup in external_values[10:]} == {
        f"ssm:GetParameters is denied on {arn}, because no identity-based policy allows the ssm:GetParameters action"
    }
    assert len(store.calls) == 2
    assert "is denied" in reason(resolver.resolve_values([SsmParameter("q")], Deadline.after(20))[SsmParameter("q")])
    assert len(store.calls) == 2


def test_a_denial_without_a_resource_names_one_parameter_and_counts_the_others() -> None:
    store = FakeParameterStore({}, {"p1": refusal("AccessDeniedException")})
    external_values = [SsmParameter(f"p{number}") for number in range(3)]
    (text,) = {reason(answer) for answer in resolve_values(store, *external_values).values()}
    assert text == f"ssm:GetParameters is denied on arn:aws:ssm:{REGION}:*:parameter/p0 or on one of 2 others"


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("/app/image", f"arn:aws:ssm:{REGION}:*:parameter/app/image"),
        ("image", f"arn:aws:ssm:{REGION}:*:parameter/image"),
        ("arn:aws:ssm:eu-west-1:444455556666:parameter/x", "arn:aws:ssm:eu-west-1:444455556666:parameter/x"),
    ],
)
def test_a_denial_without_a_resource_is_reported_with_the_arn_of_the_parameter(name: str, arn: str) -> None:
    store = FakeParameterStore({}, {name: refusal("AccessDeniedException")})
    assert (
        reason(resolve_values(store, SsmParameter(name))[SsmParameter(name)]) == f"ssm:GetParameters is denied on {arn}"
    )


def test_a_rejected_name_is_reported_with_the_message_of_the_service() -> None:
    store = FakeParameterStore({"good": "1"}, {"b@d": refusal("ValidationException", "Parameter name: can't be b@d.")})
    good, bad = SsmParameter("good"), SsmParameter("b@d")
    answers = resolve_values(store, good, bad)
    assert answers[good] == Known("1")
    assert "(ValidationException: Parameter name: can't be b@d)" in reason(answers[bad])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (NoCredentialsError(), "there are no AWS credentials"),
        (refusal("ThrottlingException"), "throttled the request"),
        (refusal("InternalServerError"), "rejected the request (InternalServerError"),
    ],
)
def test_a_failed_request_is_the_answer_for_all_its_names(fault: Any, expected: str) -> None:
    store = FakeParameterStore({}, {"p0": fault})
    external_values = [SsmParameter(f"p{number}") for number in range(10)]
    answers = resolve_values(store, *external_values)
    assert all(expected in reason(answers[lookup]) for lookup in external_values)
    assert all(isinstance(answer, Unknown) and answer.failed_lookup for answer in answers.values())
    assert len(store.calls) == 1


def test_a_client_that_cannot_be_created_is_reported() -> None:
    def no_session() -> None:
        raise ProfileNotFound(profile="prod")

    parameter = SsmParameter("p")
    answer = SsmValueResolver(AwsClients(no_session), REGION).resolve_values([parameter], Deadline.after(5))[parameter]
    assert "cannot load the AWS credentials" in reason(answer)


def test_after_the_deadline_no_request_is_sent() -> None:
    store = FakeParameterStore({"p": "1"})
    answers = resolve_values(store, SsmParameter("p"), seconds=0)
    assert "did not respond within 0.0 s" in reason(answers[SsmParameter("p")])
    assert store.calls == []


def test_the_deadline_ends_the_search_for_a_rejected_name() -> None:
    bad = {f"p{number}": refusal("ValidationException") for number in range(10)}
    store = FakeParameterStore({}, bad)
    external_values = [SsmParameter(name) for name in bad]
    deadline = Deadline(2.5, clock=lambda: float(len(store.calls)))
    answers = SsmValueResolver(AwsClients(lambda: store), REGION).resolve_values(external_values, deadline)
    assert all("did not respond within 2.5 s" in reason(answer) for answer in answers.values())
    assert len(store.calls) == 3


def test_values_of_another_kind_are_ignored() -> None:
    store = FakeParameterStore({})
    assert resolve_values(store, StackExport("shared")) == {}
    assert store.calls == []


def test_ten_names_are_one_request_and_duplicates_are_requested_once() -> None:
    store = FakeParameterStore({f"p{number:02}": str(number) for number in range(21)})
    external_values = [SsmParameter(f"p{number:02}") for number in range(21)]
    answers = resolve_values(store, *external_values, *external_values)
    assert answers == {lookup: Known(str(int(lookup.name[1:]))) for lookup in external_values}
    assert sorted(len(names) for names in store.calls) == [1, 10, 10]


def test_values_versions_lists_and_arns_are_read(parameters: Any) -> None:
    latest, old, plain = SsmParameter("/app/image"), SsmParameter("/app/image", 1), SsmParameter("plain")
    listed, by_arn = SsmParameter("list"), SsmParameter("arn:aws:ssm:eu-west-1:123456789012:parameter/app/image")
    public = SsmParameter("/aws/service/ecs/optimized-ami/amazon-linux-2/recommended/image_id")
    answers = resolve_values(parameters, latest, old, plain, listed, by_arn, public)
    assert {lookup: answer for lookup, answer in answers.items() if lookup != public} == {
        latest: Known("app:3"),
        old: Known("app:1"),
        plain: Known("app:plain"),
        listed: Known("a:1,b:2"),
        by_arn: Known("app:3"),
    }
    assert str(answers[public]).startswith("Known(value='ami-")
