"""Known failures of other tools with ECR registries, item by item; a part of "Registries" in the list.

Each line names the affected project with its issue, or [ran], [src] or [doc] for what was observed, read in the source
or documented, and the test that shows what happens here.

429 storms
    ECR GetAuthorizationToken, 20 a second [doc]: test_429_storm__ecr_getauthorizationtoken_20_tps
ECR hosts
    docker/login-action #872, aws-actions/amazon-ecr-login #1084: test_ecr_hosts__dual_stack_docker_action_872
    go-to-k/cdkd #1855: test_ecr_hosts__proxy_endpoint_is_the_plain_host_cdkd_1855
    aws/amazon-ecs-agent #5106: test_ecr_hosts__credentials_by_exact_host_ecs_agent_5106
    awslabs/amazon-ecr-credential-helper #1018: test_ecr_hosts__public_dual_stack_ecr_credential_helper_1018
    renovatebot/renovate #36228: test_ecr_hosts__renovate_36228
ECR paging
    spinnaker/clouddriver #2948: test_ecr_paging_above_100__clouddriver_2948
    renovate, isECRMaxResultsError [src]: test_max_results_1000_limit__renovate_isecrmaxresultserror
Cross-account
    hashicorp/terraform-provider-aws #35303: test_cross_account__terraform_35303
    concourse/registry-image-resource #253: test_cross_account__registry_ids_concourse_253
Replication lag
    aws/containers-roadmap #1664, #1537: test_replication_lag__containers_roadmap_1664_1537
    aws/containers-roadmap #140: test_replication_lag__containers_roadmap_140
"""

from __future__ import annotations

import pytest

from edge_cases.edge_pins import IMAGE, ecr_resolver, function, image, pin_in, refusal, refusals, reported
from image_pinner.assembly import ByRegistry
from support.aws import ACCOUNT, HOST, FakeEcr, RefusedError
from support.aws import image as image_of
from support.templates import EveryDigest, pin, problems_of, template_of

OTHER_ACCOUNT = "444455556666"
APP = "team/app"
DUAL_STACK = f"{ACCOUNT}.dkr-ecr.us-east-1.on.aws"


def holding(*tags: str, **more: object) -> FakeEcr:
    return FakeEcr({APP: {tag: image_of(tag) for tag in tags}}, **more)  # type: ignore[arg-type]


def digest(ecr: FakeEcr, tag: str = "1") -> str:
    return ecr.images[APP][tag].digest


def test_429_storm__ecr_getauthorizationtoken_20_tps() -> None:
    """ECR GetAuthorizationToken, 20 a second [doc]: no token is requested, and 100 images are one request."""
    throttled = RefusedError("ThrottlingException", "Rate exceeded")
    message = refusal(pin_in(ecr_resolver(holding("1", refusals={"DescribeImages": throttled})), _marked("1")))
    assert "ECR in us-east-1 throttled the request" in message
    assert "(ThrottlingException)" in message
    assert "retry in a minute" in message
    tags = [f"t{number}" for number in range(100)]
    ecr = holding(*tags)
    result = pin_in(ecr_resolver(ecr), *map(_marked, tags))
    assert image(result) == f"{HOST}/{APP}@{digest(ecr, 't0')}"
    assert [action for action, _ in ecr.calls] == ["DescribeImages"]


def _marked(tag: str, host: str = HOST) -> str:
    return f"!PinDigest {host}/{APP}:{tag}"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (f"{ACCOUNT}.dkr-ecr.us-east-1.amazonaws.com", "expected the suffix 'on.aws' for us-east-1"),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.on.aws", "expected the suffix 'amazonaws.com' for us-east-1"),
        (f"{ACCOUNT}.dkr-ecr.on.aws", "is not a valid region"),
    ],
)
def test_ecr_hosts__dual_stack_docker_action_872(host: str, reason: str) -> None:
    """docker/login-action #872, aws-actions/amazon-ecr-login #1084: `Region is missing`, for a dual-stack host."""
    unused = holding("1")
    message = refusal(pin_in(_by_registry(unused), _marked("1", host)))
    assert f"{host!r} is not a valid ECR registry: " in message
    assert reason in message
    assert unused.clients == []
    ecr = holding("1")
    assert image(pin_in(_by_registry(ecr), _marked("1", DUAL_STACK))) == f"{DUAL_STACK}/{APP}@{digest(ecr)}"
    (options,) = ecr.clients
    assert options["region_name"] == "us-east-1"
    assert options["config"].use_dualstack_endpoint is True


def _by_registry(ecr: FakeEcr, others: EveryDigest | None = None) -> ByRegistry:
    return ByRegistry(ecr_resolver(ecr), lambda: others or EveryDigest())


@pytest.mark.parametrize("host", [HOST, DUAL_STACK, f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com"])
def test_ecr_hosts__proxy_endpoint_is_the_plain_host_cdkd_1855(host: str) -> None:
    """go-to-k/cdkd #1855: credentials for the plain host are not valid for another; the API needs none."""
    ecr, others = holding("1"), EveryDigest()
    assert image(pin_in(_by_registry(ecr, others), _marked("1", host))) == f"{host}/{APP}@{digest(ecr)}"
    assert {action for action, _ in ecr.calls} == {"DescribeImages"}
    assert others.lookups == []


def test_ecr_hosts__credentials_by_exact_host_ecs_agent_5106() -> None:
    """aws/amazon-ecs-agent #5106: a pull finds its credentials by the exact host, so each image keeps its own."""
    ecr = holding("1")
    result = pin_in(_by_registry(ecr), _marked("1"), _marked("1", DUAL_STACK))
    assert image(result) == f"{HOST}/{APP}@{digest(ecr)}"
    assert image(result, "Web2") == f"{DUAL_STACK}/{APP}@{digest(ecr)}"


@pytest.mark.parametrize("host", ["public.ecr.aws", "ecr-public.aws.com"])
def test_ecr_hosts__public_dual_stack_ecr_credential_helper_1018(host: str) -> None:
    """awslabs/amazon-ecr-credential-helper #1018: ECR Public is requested like any registry, at both of its hosts."""
    ecr, others = holding("1"), EveryDigest()
    assert image(pin_in(_by_registry(ecr, others), f"!PinDigest {host}/nginx/nginx:1")).startswith(
        f"{host}/nginx/nginx@sha256:"
    )
    assert others.lookups == [f"{host}/nginx/nginx:1"]
    assert ecr.clients == []


@pytest.mark.parametrize(
    ("host", "region", "fips", "dual_stack"),
    [
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", None, None),
        (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", True, None),
        (f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws", "eu-west-1", None, True),
        (f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", True, True),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", None, None),
        (f"{ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", None, True),
        (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", None, None),
        (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", None, None),
    ],
)
def test_ecr_hosts__renovate_36228(host: str, region: str, *, fips: bool | None, dual_stack: bool | None) -> None:
    """renovatebot/renovate #36228: every form of host is recognized, with its region and kind of endpoint."""
    ecr = holding("1")
    assert image(pin_in(_by_registry(ecr), _marked("1", host))) == f"{host}/{APP}@{digest(ecr)}"
    (options,) = ecr.clients
    config = options["config"]
    found = (options["region_name"], config.use_fips_endpoint, config.use_dualstack_endpoint)
    assert found == (region, fips, dual_stack)


def test_ecr_paging_above_100__clouddriver_2948() -> None:
    """spinnaker/clouddriver #2948: 200 tags of a repository are two requests, and no page of a response is lost."""
    tags = [f"t{number}" for number in range(200)]
    gone = pin_in(ecr_resolver(holding(*tags[:-1], page_size=40)), *map(_marked, tags))
    assert "has no tag 't199'" in refusal(gone, IMAGE.replace("Web", "Web200"))
    ecr = holding(*tags, page_size=40)
    result = pin_in(ecr_resolver(ecr), *map(_marked, tags))
    found = [image(result, f"Web{number if number > 1 else ''}") for number in range(1, 201)]
    assert found == [f"{HOST}/{APP}@{digest(ecr, tag)}" for tag in tags]
    first_pages = [request for _, request in ecr.calls if "nextToken" not in request]
    assert [len(request["imageIds"]) for request in first_pages] == [100, 100]
    assert len(ecr.calls) == 2 * 3


def test_max_results_1000_limit__renovate_isecrmaxresultserror() -> None:
    """renovate, isECRMaxResultsError [src]: 405 for more than 1000 per page; we request tags, not pages."""
    ecr = holding(*(f"t{number}" for number in range(1500)))
    assert image(pin_in(ecr_resolver(ecr), _marked("t1499"))) == f"{HOST}/{APP}@{digest(ecr, 't1499')}"
    ((_, request),) = ecr.calls
    assert request["imageIds"] == [{"imageTag": "t1499"}]
    assert "maxResults" not in request


def test_cross_account__terraform_35303() -> None:
    """hashicorp/terraform-provider-aws #35303: DescribeRepositories is not called, the repository policy is enough."""
    host = HOST.replace(ACCOUNT, OTHER_ACCOUNT)
    who = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/macro/session is not authorized to perform"
    denied = {
        "DescribeImages": RefusedError("AccessDeniedException", f"{who}: ecr:DescribeImages"),
        "BatchGetImage": RefusedError("AccessDeniedException", f"{who}: ecr:BatchGetImage"),
    }
    message = refusal(pin_in(ecr_resolver(holding("1", refusals=denied)), _marked("1", host)))
    assert f"are denied on arn:aws:ecr:us-east-1:{OTHER_ACCOUNT}:repository/{APP}" in message
    assert f"in account {ACCOUNT}, and allow that account in the repository policy" in message
    assert f"in account {OTHER_ACCOUNT}: both are required" in message
    pull_only = holding("1", refusals={"DescribeImages": denied["DescribeImages"]})
    assert image(pin_in(ecr_resolver(pull_only), _marked("1", host))) == f"{host}/{APP}@{digest(pull_only)}"
    assert [action for action, _ in pull_only.calls] == ["DescribeImages", "BatchGetImage"]


def test_cross_account__registry_ids_concourse_253() -> None:
    """concourse/registry-image-resource #253: each request names the account of the host, not that of the caller."""
    ecr = holding("1")
    pull_only = holding("1", refusals={"DescribeImages": RefusedError("AccessDeniedException")})
    host = HOST.replace(ACCOUNT, OTHER_ACCOUNT)
    for one in (ecr, pull_only):
        assert image(pin_in(ecr_resolver(one), _marked("1", host), function(_marked("1", host), "arm64")))
        assert {request["registryId"] for _, request in one.calls} == {OTHER_ACCOUNT}


def test_replication_lag__containers_roadmap_1664_1537() -> None:
    """aws/containers-roadmap #1664, #1537: a tag that is not replicated to a region yet is reported with the region."""
    ecr = holding()
    here = HOST.replace("us-east-1", "eu-west-1")
    result = pin_in(ecr_resolver(ecr), _marked("1", here))
    message = refusal(result)
    assert (
        f"the ECR repository '{APP}' in eu-west-1 of account {ACCOUNT} has no tag '1'; help: push the tag or" in message
    )
    assert problems_of(result) == [
        (IMAGE, f"the ECR repository '{APP}' in eu-west-1 of account {ACCOUNT} has no tag '1'")
    ]
    unreplicated = FakeEcr({})
    assert f"the ECR repository '{APP}' in eu-west-1 of account {ACCOUNT} does not exist" in refusal(
        pin_in(ecr_resolver(unreplicated), _marked("1", here))
    )
    first_deploy = pin(template_of(f"!PinDigest WhenMissing=KeepTag {here}/{APP}:1"), digests=ecr_resolver(ecr))
    assert image(first_deploy) == f"{here}/{APP}:1"
    assert first_deploy.report.warnings[0].startswith(f"{IMAGE}: tag kept: ")
    ecr.images[APP]["1"] = image_of("arrived")
    assert image(pin_in(ecr_resolver(ecr), _marked("1", here))) == f"{here}/{APP}@{digest(ecr)}"


def test_replication_lag__containers_roadmap_140() -> None:
    """aws/containers-roadmap #140: a replica may still have the old image; each region has its own digest."""
    regions: dict[str, FakeEcr] = {"us-east-1": holding(), "eu-west-1": holding()}
    for region, ecr in regions.items():
        ecr.images[APP]["latest"] = image_of(f"as of {region}")

    class Regional(FakeEcr):
        def client(self, service: str, **options: str) -> object:
            return regions[options["region_name"]].client(service, **options)

    there = HOST.replace("us-east-1", "eu-west-1")
    result = pin_in(ecr_resolver(Regional({})), _marked("latest"), _marked("latest", there))
    assert image(result) == f"{HOST}/{APP}@{digest(regions['us-east-1'], 'latest')}"
    assert image(result, "Web2") == f"{there}/{APP}@{digest(regions['eu-west-1'], 'latest')}"
    assert image(result) != image(result, "Web2")
    assert reported(result)["request"] == "ecr:DescribeImages in us-east-1"
    assert reported(result, IMAGE.replace("Web", "Web2"))["request"] == "ecr:DescribeImages in eu-west-1"
    del regions["eu-west-1"].images[APP]["latest"]
    (message,) = refusals(pin_in(ecr_resolver(Regional({})), _marked("latest"), _marked("latest", there)))
    assert "in eu-west-1" in message
