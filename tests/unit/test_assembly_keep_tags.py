"""The macro puts keep-tags on images in ECR, as its last requests."""

from __future__ import annotations

from typing import Any

from image_pinner.assembly import AwsResolvers
from image_pinner.lambda_macro.handler import Macro
from image_pinner.sources.aws.clients import AwsClients
from support.ecr_api import HOST, EcrApi, denied
from support.ecr_repository import Repository, image
from support.macro import event_for
from support.templates import image_in, template_of

GATES = "lifecycle.keep-tag=true"
TEMPLATE = template_of(f"!PinDigest Platform=Any {HOST}/team/app:1")
DIGEST = image(1).digests[0]


def answer(api: EcrApi, template: dict[str, Any] = TEMPLATE, gates: str = GATES) -> dict[str, Any]:
    clients = AwsClients(lambda: api, role_session_factory=lambda _: api)
    macro = Macro(AwsResolvers(clients=clients), {"IMAGE_PINNER_GATES": gates}, lambda _: None)
    return macro.answer(event_for(template), None)


def repository() -> Repository:
    return Repository(tags={"1": DIGEST})


def test_a_denied_image_gets_no_tag() -> None:
    tags = repository()
    response = answer(tags.api(), gates=f"{GATES}; tags.deny=2", template=with_second_image("2"))
    assert response["status"] == "failure"
    assert list(tags.tags) == ["1"]


def with_second_image(tag: str) -> dict[str, Any]:
    template = template_of(f"!PinDigest Platform=Any {HOST}/team/app:1")
    template["Resources"]["Other"] = template_of(f"!PinDigest Platform=Any {HOST}/team/app:{tag}")["Resources"]["Web"]
    return template


def test_without_the_permission_the_template_fails() -> None:
    tags = repository()
    response = answer(tags.api(PutImage=denied("ecr:PutImage")))
    assert response["status"] == "failure"
    assert "gate lifecycle denies the image: ecr:PutImage is denied on " in response["errorMessage"]
    assert response["fragment"] == TEMPLATE
    warned = answer(tags.api(PutImage=denied("ecr:PutImage")), gates=f"{GATES}; lifecycle.mode=warn")
    assert image_in(warned["fragment"]) == f"{HOST}/team/app@{DIGEST}"


def test_the_tag_is_put_after_everything_else() -> None:
    tags = repository()
    api = tags.api()
    assert image_in(answer(api)["fragment"]) == f"{HOST}/team/app@{DIGEST}"
    assert tags.tags == {"1": DIGEST, f"image-pinner-keep-{DIGEST[7:19]}": DIGEST}
    assert api.operations() == ["DescribeImages", "GetLifecyclePolicy", "BatchGetImage", "PutImage"]


def test_nothing_is_put_unless_the_gate_requests_it() -> None:
    tags = repository()
    api = tags.api()
    assert answer(api, gates="lifecycle.mode=deny")["status"] == "success"
    assert api.operations() == ["DescribeImages", "GetLifecyclePolicy"]
