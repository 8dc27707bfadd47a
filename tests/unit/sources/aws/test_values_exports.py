from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ProfileNotFound
from botocore.stub import Stubber

from image_pinner.core.intrinsics.values import Answer, ExternalValue, Known, SsmParameter, StackExport, Unknown
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.aws.values import ExportValueResolver
from image_pinner.sources.interface import Deadline


class FakeCloudFormation:
    """Exports in pages; a page can be an exception."""

    def __init__(self, *pages: Mapping[str, str] | Exception) -> None:
        self.pages = pages
        self.read = 0

    def client(self, *_: Any, **__: Any) -> FakeCloudFormation:
        return self

    def get_paginator(self, operation: str) -> FakeCloudFormation:
        assert operation == "list_exports"
        return self

    def paginate(self) -> Iterator[dict[str, Any]]:
        for page in self.pages:
            self.read += 1
            if isinstance(page, Exception):
                raise page
            yield {"Exports": [{"Name": name, "Value": value} for name, value in page.items()]}


def resolve_values(
    session: Any, external_values: Sequence[ExternalValue], deadline: Deadline | None = None
) -> Mapping[ExternalValue, Answer]:
    return ExportValueResolver(AwsClients(lambda: session), "eu-west-1").resolve_values(
        external_values, deadline or Deadline.after(10)
    )


def reason(answer: Answer) -> str:
    assert isinstance(answer, Unknown)
    assert answer.failed_lookup == ("exports" not in answer.reason)
    assert answer.help
    return answer.reason


A, B = StackExport("a"), StackExport("b")


def test_an_export_that_does_not_exist_is_unknown_and_the_others_are_not() -> None:
    answers = resolve_values(FakeCloudFormation({"a": "1", "x": "9"}, {"c": "3"}), [A, B])
    assert answers[A] == Known("1")
    assert reason(answers[B]) == "no stack of this account in eu-west-1 exports 'b'"


def test_a_denial_names_the_action() -> None:
    message = "User: arn:aws:sts::1:assumed-role/m/x is not authorized because no identity-based policy allows it"
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "ListExports")
    answer = resolve_values(FakeCloudFormation(denied), [A])[A]
    assert reason(answer) == (
        "cloudformation:ListExports is denied in eu-west-1, because no identity-based policy allows it"
    )


def test_values_read_before_a_failure_stay_known() -> None:
    throttled = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "ListExports")
    answers = resolve_values(FakeCloudFormation({"a": "1"}, throttled), [A, B])
    assert answers[A] == Known("1")
    assert "throttled the request" in reason(answers[B])


def test_a_client_that_cannot_be_created_is_reported() -> None:
    def no_session() -> None:
        raise ProfileNotFound(profile="prod")

    answer = ExportValueResolver(AwsClients(no_session), "eu-west-1").resolve_values([A], Deadline.after(5))[A]
    assert "cannot load the AWS credentials" in reason(answer)


def test_after_the_deadline_no_further_page_is_read() -> None:
    fake = FakeCloudFormation({"a": "1"}, {"x": "9"}, {"b": "2"})
    # Each page takes a second, and there is a second and a half.
    answers = resolve_values(fake, [A, B], Deadline(1.5, clock=lambda: float(fake.read)))
    assert "did not respond within 1.5 s" in reason(answers[B])
    assert fake.read == 2


def test_values_of_another_kind_are_ignored() -> None:
    fake = FakeCloudFormation({"a": "1"})
    assert resolve_values(fake, [SsmParameter("a")]) == {}
    assert fake.read == 0


def test_the_list_is_read_no_further_than_needed() -> None:
    fake = FakeCloudFormation({"x": "9", "b": "2"}, {"a": "1"}, {"c": "3"})
    assert resolve_values(fake, [A, B]) == {A: Known("1"), B: Known("2")}
    assert fake.read == 2


@pytest.mark.parametrize("wanted", [[A], [A, B]])
def test_pages_of_the_documented_shape_are_followed(wanted: list[ExternalValue]) -> None:
    client = boto3.client("cloudformation", "eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    fake = FakeCloudFormation()
    fake.client = lambda *_, **__: client  # type: ignore[method-assign, misc, assignment]
    stack = "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1"
    pages = [{"Name": "b", "Value": "2", "ExportingStackId": stack}, {"Name": "a", "Value": "1"}]
    with Stubber(client) as stub:
        stub.add_response("list_exports", {"Exports": pages[:1], "NextToken": "more"}, {})
        stub.add_response("list_exports", {"Exports": pages[1:]}, {"NextToken": "more"})
        answers = resolve_values(fake, wanted)
        stub.assert_no_pending_responses()
    assert answers == {lookup: Known("1" if lookup == A else "2") for lookup in wanted}
