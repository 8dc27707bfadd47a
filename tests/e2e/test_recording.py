"""Requests of every protocol are recorded as actions of IAM policies."""

from __future__ import annotations

import json

import pytest

from e2e.engine.processes import is_loopback
from e2e.engine.recording import Call, Calls, Request, read
from e2e.engine.submissions import Submissions, path_of

ACCOUNT = "000000000000"


def _request(service: str, *, method: str = "POST", target: str = "/", name: str = "", body: bytes = b"") -> Request:
    scope = f"AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-central-1/{service}/aws4_request, Signature=0"
    headers = {"authorization": scope, **({"x-amz-target": name} if name else {})}
    return Request(method, target, headers, body)


def _json(**body: object) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("request_", "action", "resources"),
    [
        (
            _request(
                "ecr", name="AmazonEC2ContainerRegistry_V20150921.DescribeImages", body=_json(repositoryName="a/b")
            ),
            "ecr:DescribeImages",
            ("arn:aws:ecr:eu-central-1:000000000000:repository/a/b",),
        ),
        (
            _request("ecr", name="X.BatchGetImage", body=_json(repositoryName="a", registryId="111122223333")),
            "ecr:BatchGetImage",
            ("arn:aws:ecr:eu-central-1:111122223333:repository/a",),
        ),
        (
            _request("ssm", name="AmazonSSM.GetParameters", body=_json(Names=["/a", "b:3"])),
            "ssm:GetParameters",
            (
                "arn:aws:ssm:eu-central-1:000000000000:parameter/a",
                "arn:aws:ssm:eu-central-1:000000000000:parameter/b",
            ),
        ),
        (_request("cloudformation", body=b"Action=ListExports&Version=1"), "cloudformation:ListExports", ("*",)),
        (
            _request("cloudformation", body=b"Action=GetTemplate&StackName=shop"),
            "cloudformation:GetTemplate",
            ("arn:aws:cloudformation:eu-central-1:000000000000:stack/shop/*",),
        ),
        (
            _request("cloudformation", body=b"Action=GetTemplate&StackName=arn%3Ax"),
            "cloudformation:GetTemplate",
            ("arn:x",),
        ),
        (
            _request("ecs", name="X.DescribeServices", body=_json(cluster="arn:x/shop", services=["web", "arn:y"])),
            "ecs:DescribeServices",
            ("arn:aws:ecs:eu-central-1:000000000000:service/shop/web", "arn:y"),
        ),
        (
            _request("ecs", name="X.ListServiceDeployments", body=_json(service="web")),
            "ecs:ListServiceDeployments",
            ("arn:aws:ecs:eu-central-1:000000000000:service/default/web",),
        ),
        (
            _request("ecs", name="X.DescribeServiceRevisions", body=_json(serviceRevisionArns=["arn:x", "arn:y"])),
            "ecs:DescribeServiceRevisions",
            ("arn:x", "arn:y"),
        ),
        (
            _request("ecs", name="X.DescribeTaskDefinition", body=_json(taskDefinition="shop:1")),
            "ecs:DescribeTaskDefinition",
            ("*",),
        ),
        (_request("sts", body=b"Action=AssumeRole&RoleArn=arn%3Ax"), "sts:AssumeRole", ("arn:x",)),
        (_request("logs", target="/service/Logs/operation/GetLogEvents?x=1"), "logs:GetLogEvents", ("*",)),
        (_request("s3", method="GET", target="/b/k%20l?x-id=GetObject"), "s3:GetObject", ("arn:aws:s3:::b/k l",)),
        (_request("s3", method="GET", target="/b?list-type=2"), "s3:ListBucket", ("arn:aws:s3:::b",)),
        (_request("s3", method="GET"), "s3:ListAllMyBuckets", ("*",)),
        (_request("lambda", method="GET", target="/2015-03-31/functions"), "lambda:GET /2015-03-31/functions", ("*",)),
    ],
)
def test_a_call_is_named_as_policies_name_it(request_: Request, action: str, resources: tuple[str, ...]) -> None:
    assert read(request_, 200, ACCOUNT) == Call(action, resources, 200, "AKID")


def test_a_download_is_kept_apart_and_without_its_signature() -> None:
    calls = Calls(ACCOUNT)
    calls.note(Request("GET", "/v2/a/blobs/sha256:0?X-Amz-Signature=secret", {}, b""), 200)
    calls.note(_request("ecr", name="X.DescribeImages"), 400)
    assert calls.downloads() == ["/v2/a/blobs/sha256:0"]
    assert calls.all() == [Call("ecr:DescribeImages", ("*",), 400, "AKID")]
    calls.forget()
    assert calls.all() == calls.downloads() == []


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("0100007F:1F90", True),
        ("3500007F:1F90", True),
        ("00000000:1F90", False),
        ("0101A8C0:1F90", False),
        ("00000000000000000000000001000000:1F90", True),
        ("0000000000000000FFFF00000100007F:1F90", True),
        ("00000000000000000000000000000000:1F90", False),
    ],
)
def test_addresses_of_loopback_are_known(address: str, loopback: object) -> None:
    assert is_loopback(address) == loopback


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-central-1.amazonaws.com/bucket/a/b.yaml",
        "https://s3.amazonaws.com/bucket/a/b.yaml",
        "https://bucket.s3.eu-central-1.amazonaws.com/a/b.yaml",
        "https://bucket.s3.amazonaws.com/a/b.yaml",
        "http://127.0.0.1:4566/bucket/a/b.yaml",
    ],
)
def test_a_template_in_a_bucket_is_found_by_every_form_of_its_url(url: str) -> None:
    assert path_of(url) == ("bucket", "a/b.yaml")


def test_templates_are_refused_wherever_they_lie() -> None:
    bad = "Resources: {A: {Type: B, Properties: {Image: !PinDigest a}}}"
    nested = "Resources: {A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://s3.amazonaws.com/b/bad'}}}"
    gate = Submissions(lambda _, key: {"bad": bad, "nested": nested}[key])
    for body in (
        b"Action=CreateStack&TemplateBody=Resources%3A+%7BA%3A+%21PinDigest+a%7D",
        b"Action=CreateChangeSet&TemplateURL=https%3A%2F%2Fs3.amazonaws.com%2Fb%2Fbad",
        b"Action=UpdateStack&TemplateURL=https%3A%2F%2Fs3.amazonaws.com%2Fb%2Fnested",
    ):
        reply = gate(_request("cloudformation", body=body))
        assert reply is not None
        assert reply.status == 400
        assert b"the tag !PinDigest" in reply.body


@pytest.mark.parametrize(
    "body",
    [
        b"Action=DescribeStacks",
        b"Action=GetTemplate&TemplateStage=Processed",
        b"Action=CreateStack&UsePreviousTemplate=1",
    ],
)
def test_other_requests_pass(body: bytes) -> None:
    assert Submissions(lambda *_: "")(_request("cloudformation", body=body)) is None
