"""Reference parsing: bugs of other tools, one by one.

Each line names the affected project, by an issue, or [ran], [src] or [doc] for what was seen,
read in a source or documented, and the test that shows what happens here.

Port vs tag: strip the digest, then look for a colon after the last slash
    google/containerregistry #83: test_port_vs_tag__google_containerregistry_83
    portainer/portainer #2677: test_port_vs_tag__portainer_2677
    ivanilves/lstags #68: test_port_vs_tag__lstags_68
    kite-org/kite #551: test_port_vs_tag__kite_551
    compose-x, its regex [ran]: test_port_vs_tag__compose_x_regex
    ecs-deploy, rsplit [src]: test_port_vs_tag__ecs_deploy_rsplit
    ecspresso, SplitN [src]: test_port_vs_tag__ecspresso_split_n
The four shapes `nginx`, `nginx:1`, `nginx:1@sha256`, `nginx@sha256`
    fabfuel/ecs-deploy #230: test_four_shapes__fabfuel_ecs_deploy_230
    sil-org/ecs-deploy #294, #317: test_four_shapes__sil_org_ecs_deploy_294_317_untagged
    kayac/ecspresso #906: test_four_shapes__ecspresso_906
`CannotPull … docker.io/library/sha256:…` when only a digest is passed, and `repo:sha256:…`
    aws-actions/amazon-ecs-deploy-task-definition #584: test_digest_alone__amazon_ecs_deploy_task_definition_584
    aws/aws-cdk #5082: test_digest_behind_a_colon__aws_cdk_5082
Tag@digest is refused downstream; tag and digest disagree
    skopeo [ran], estahn/k8s-image-swapper #48, janus-idp/operator #230: test_tag_at_digest_refused_downstream
    ECR, ImageTagDoesNotMatchDigest [doc]: test_tag_and_digest_disagree__ecr_image_tag_does_not_match_digest
    crane, kbld [ran]: test_tag_and_digest_disagree__crane_kbld_do_not_notice
    crane, kbld [ran]: test_tag_and_digest_disagree__as_an_error
A trailing quote or brace captured into the digest; sha512, short and upper-case hexadecimal digits
    digestabot, action.yml [src]: test_trailing_quote_or_brace__digestabot
    ECS, exactly 64 digits of sha256 [doc]: test_sha512_short_upper_case_hex__ecs
Spaces, prefixes and Docker Hub's names
    leading and trailing spaces: test_leading_trailing_spaces
    ratchet, NormalizeContainerRef [src]: test_docker_prefix__ratchet
    Docker Hub short names: test_docker_hub_short_names
    sigstore/policy-controller #745: test_docker_io_vs_index_docker_io__policy_controller_745
"""

from __future__ import annotations

import pytest

from edge_cases.edge_pins import CODE, IMAGE, ecr_resolver, function, image, pin_in, refusal, reported
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry
from support.aws import HOST as ECR
from support.aws import FakeEcr, Image, RefusedError
from support.images import oci_image
from support.templates import ExpectedDigests, pin, template_of

MANIFEST = oci_image()
DIGEST = Digest.of(MANIFEST)
OTHER = Digest.of(b"another image")
NO_LOOKUPS = ExpectedDigests()
IMPLICIT_LATEST = Settings(unsafe_implicit_latest=True)


def resolvers(*references: str) -> InMemoryRegistry:
    """Return a registry that has these references only."""
    made = InMemoryRegistry()
    for reference in references:
        made.push(reference, MANIFEST)
    return made


def test_port_vs_tag__google_containerregistry_83() -> None:
    """google/containerregistry #83: `Invalid tag: 5000/jszroberto/bazel-test`."""
    written = "localhost:5000/jszroberto/bazel-test"
    error = refusal(pin_in(resolvers(f"{written}:latest"), f"!PinDigest {written}"))
    assert f"{written!r} has no tag or digest; help: write {written}:latest" in error
    known = resolvers(f"{written}:latest")
    assert image(pin_in(known, f"!PinDigest {written}", settings=IMPLICIT_LATEST)) == f"{written}@{DIGEST}"


@pytest.mark.parametrize("host", ["registry:5000", "registry.example.com:443", "10.0.0.1:5000", "[2001:db8::1]:5000"])
def test_port_vs_tag__portainer_2677(host: str) -> None:
    """portainer/portainer #2677: a tag after a registry with a port is a tag, even if it is 5000."""
    result = pin_in(resolvers(f"{host}/app:5000"), f"!PinDigest {host}/app:5000")
    assert image(result) == f"{host}/app@{DIGEST}"


def test_port_vs_tag__lstags_68() -> None:
    """ivanilves/lstags #68: listed as `my.registry.com:5000/my_image:5000/my_image`."""
    known = resolvers("my.registry.com:5000/my_image:my_tag")
    assert image(pin_in(known, "!PinDigest my.registry.com:5000/my_image:my_tag")) == (
        f"my.registry.com:5000/my_image@{DIGEST}"
    )
    assert [str(lookup) for lookup in known.image_lookups] == ["my.registry.com:5000/my_image:my_tag"]


@pytest.mark.parametrize("tail", ["", ":1.2.3", f"@{DIGEST}", f":1.2.3@{DIGEST}"])
def test_port_vs_tag__kite_551(tail: str) -> None:
    """kite-org/kite #551: `localhost:5000/team/api:1.2.3` was looked up as Docker Hub's `library/localhost`."""
    reference = ImageReference.parse(f"localhost:5000/team/api{tail}")
    assert (reference.registry, reference.repository) == ("localhost:5000", "team/api")
    assert reference.pinned(OTHER) == f"localhost:5000/team/api@{OTHER}"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("team/registry:5000/app", "a port must follow a registry's host (at character 15)"),
        ("registry.example.com:port/app:1", "'registry.example.com:port' is not a valid host with an optional port"),
        ("registry.example.com:/app:1", "'registry.example.com:' is not a valid host with an optional port"),
    ],
)
def test_port_vs_tag__compose_x_regex(written: str, rule: str) -> None:
    """compose-x, its regex [ran]: a misplaced colon is reported, not guessed at."""
    assert rule in refusal(pin_in(NO_LOOKUPS, f"!PinDigest {written}"))


@pytest.mark.parametrize("name", ["registry.example.com:5000/app", "localhost:5000/team/app"])
def test_port_vs_tag__ecs_deploy_rsplit(name: str) -> None:
    """ecs-deploy, rsplit [src]: the last colon can be that of the port or of the digest."""
    assert image(pin_in(NO_LOOKUPS, f"!PinDigest {name}@{DIGEST}")) == f"{name}@{DIGEST}"
    assert f"{name!r} has no tag or digest" in refusal(pin_in(resolvers(f"{name}:latest"), f"!PinDigest {name}"))


def test_port_vs_tag__ecspresso_split_n() -> None:
    """ecspresso, SplitN [src]: the first colon is the port's if there is a port."""
    assert image(pin_in(resolvers("localhost:5000/app:1"), "!PinDigest localhost:5000/app:1")) == (
        f"localhost:5000/app@{DIGEST}"
    )


@pytest.mark.parametrize("written", ["nginx", "nginx:1", f"nginx:1@{DIGEST}", f"nginx@{DIGEST}"])
def test_four_shapes__fabfuel_ecs_deploy_230(written: str) -> None:
    """fabfuel/ecs-deploy #230: each of the four forms is pinned to the same `nginx@sha256:…`."""
    known = resolvers("nginx:1", "nginx:latest")
    once = image(pin_in(known, f"!PinDigest {written}", settings=IMPLICIT_LATEST))
    assert once == f"nginx@{DIGEST}"
    assert image(pin_in(NO_LOOKUPS, once)) == once


@pytest.mark.parametrize("written", ["nginx", "team/app", "registry.example.com/app", f"{ECR}/team/app"])
def test_four_shapes__sil_org_ecs_deploy_294_317_untagged(written: str) -> None:
    """sil-org/ecs-deploy #294, #317: an untagged image is an error, not a silent `latest`."""
    result = pin_in(resolvers(f"{written}:latest"), f"!PinDigest {written}")
    assert f"{written!r} has no tag or digest; help: write {written}:latest if that is what you mean" in refusal(result)


@pytest.mark.parametrize("tail", [":1", f":1@{DIGEST}", f"@{DIGEST}"])
def test_four_shapes__ecspresso_906(tail: str) -> None:
    """kayac/ecspresso #906: the forms with a digest work for ECR too."""
    assert (
        image(pin_in(resolvers(f"{ECR}/team/app:1"), f"!PinDigest {ECR}/team/app{tail}")) == f"{ECR}/team/app@{DIGEST}"
    )


@pytest.mark.parametrize("written", [str(DIGEST), DIGEST.text.removeprefix("sha256:")])
def test_digest_alone__amazon_ecs_deploy_task_definition_584(written: str) -> None:
    """aws-actions/amazon-ecs-deploy-task-definition #584: pulled as `docker.io/library/sha256:…`."""
    error = refusal(pin_in(NO_LOOKUPS, f"!PinDigest {written}"))
    assert "is a digest without a repository" in error or "hexadecimal digits are an image ID" in error
    assert "write repository@sha256:…" in error


@pytest.mark.parametrize("repository", ["nginx", f"{ECR}/team/app", "localhost:5000/app"])
def test_digest_behind_a_colon__aws_cdk_5082(repository: str) -> None:
    """aws/aws-cdk #5082: `repo:sha256:…` was written where `repo@sha256:…` was meant."""
    error = refusal(pin_in(NO_LOOKUPS, f"!PinDigest {repository}:{DIGEST}"))
    assert f"a digest follows '@', not ':' (at character {len(repository) + 2})" in error
    assert f"write {repository}@{DIGEST}" in error


def test_tag_at_digest_refused_downstream() -> None:
    """skopeo [ran], estahn/k8s-image-swapper #48, janus-idp/operator #230: they reject `repo:tag@digest`."""
    known = resolvers(f"{ECR}/team/app:1")
    written = f"!PinDigest {ECR}/team/app:1@{DIGEST}"
    result = pin_in(known, written, function(written.replace(" ", " Platform=Any ")))
    assert image(result) == f"{ECR}/team/app@{DIGEST}"
    assert image(result, "Web2") == f"{ECR}/team/app@{DIGEST}"
    assert reported(result)["written"] == f"{ECR}/team/app:1@{DIGEST}"


def test_tag_and_digest_disagree__ecr_image_tag_does_not_match_digest() -> None:
    """ECR, ImageTagDoesNotMatchDigest [doc]: the tag moved between two requests, and neither digest is used."""
    denied = RefusedError("AccessDeniedException", "not authorized to perform: ecr:DescribeImages")
    ecr = FakeEcr(
        {"team/app": {"1": Image()}},
        refusals={"DescribeImages": denied},
        failures={"1": {"failureCode": "ImageTagDoesNotMatchDigest", "failureReason": "They do not match"}},
    )
    error = refusal(pin_in(ecr_resolver(ecr), f"!PinDigest {ECR}/team/app:1"))
    assert "moved to another image during the lookup (ImageTagDoesNotMatchDigest: They do not match)" in error
    assert "; help: retry in a minute" in error


@pytest.mark.parametrize("there", [True, False], ids=["the tag moved", "the tag is gone"])
def test_tag_and_digest_disagree__crane_kbld_do_not_notice(*, there: bool) -> None:
    """crane, kbld [ran]: neither checks a tag with a digest. The digest is kept, with a warning."""
    known = resolvers("registry.example.com/app:1")
    if not there:
        known.delete("registry.example.com/app:1")
    result = pin_in(known, f"!PinDigest registry.example.com/app:1@{OTHER}")
    assert image(result) == f"registry.example.com/app@{OTHER}"
    (warning,) = result.report.warnings
    assert warning.startswith(f"{IMAGE}: ")
    assert "tag" in warning
    assert (str(DIGEST) in warning) is there


def test_tag_and_digest_disagree__as_an_error() -> None:
    """crane, kbld [ran]: with an option it is an error that shows both; if they agree, there is no warning."""
    strict = "!PinDigest WhenMoved=Fail registry.example.com/app:1"
    known = resolvers("registry.example.com/app:1")
    error = refusal(pin_in(known, f"{strict}@{OTHER}"))
    assert "tag" in error
    assert str(DIGEST) in error
    assert str(OTHER) in error
    for marked in (strict, "!PinDigest registry.example.com/app:1"):
        agreed = pin_in(known, f"{marked}@{DIGEST}")
        assert image(agreed) == f"registry.example.com/app@{DIGEST}"
        assert agreed.report.warnings == ()


@pytest.mark.parametrize("captured", ["'", '"', "}", "}}", "`", ">"])
def test_trailing_quote_or_brace__digestabot(captured: str) -> None:
    """digestabot, action.yml [src]: a closing quote became a part of the digest."""
    error = refusal(pin_in(NO_LOOKUPS, f"!PinDigest nginx@{DIGEST}{captured}"))
    assert f"{captured[0]!r} is not allowed in a reference (at character {len(f'nginx@{DIGEST}') + 1})" in error
    assert "an extra quote" in error


@pytest.mark.parametrize(
    "digest",
    [
        f"sha512:{'0' * 128}",
        DIGEST.text[:-1],
        f"{DIGEST}0",
        DIGEST.text[: len("sha256:") + 12],
        f"sha256:{DIGEST.text.removeprefix('sha256:').upper()}",
        DIGEST.text.replace("sha256", "SHA256"),
    ],
    ids=["sha512", "63 digits", "65 digits", "short", "upper-case digits", "upper-case name"],
)
def test_sha512_short_upper_case_hex__ecs(digest: str) -> None:
    """ECS, exactly 64 digits of sha256 [doc]: no other digest is passed on to fail at the start of a task."""
    error = refusal(pin_in(NO_LOOKUPS, f"!PinDigest nginx@{digest}"))
    assert "a digest is 'sha256:' and 64 lower-case hexadecimal digits (at character 7)" in error
    assert "copy the digest from the registry unchanged" in error


@pytest.mark.parametrize(("written", "at"), [(" nginx:1", 1), ("nginx:1 ", 8), ("nginx: 1", 7), ("nginx:1\n", 8)])
def test_leading_trailing_spaces(written: str, at: int) -> None:
    """leading and trailing spaces: refused with their position; ignored around a marked reference."""
    result = pin(template_of(written), {"Pin": "All"}, digests=NO_LOOKUPS)
    assert f"it contains white space (at character {at})" in refusal(result)
    assert "remove it" in refusal(result)
    if " " in written.strip() or "\n" in written.strip():
        assert "it contains white space" in refusal(pin_in(NO_LOOKUPS, f"!PinDigest {written}"))
    else:
        assert image(pin_in(resolvers("nginx:1"), f" !PinDigest  {written}")) == f"nginx@{DIGEST}"


@pytest.mark.parametrize("prefix", ["docker://", "https://", "oci://"])
def test_docker_prefix__ratchet(prefix: str) -> None:
    """ratchet, NormalizeContainerRef [src]: `docker://` belongs to other tools; no service pulls such an image."""
    error = refusal(pin_in(NO_LOOKUPS, f"!PinDigest {prefix}nginx:1"))
    assert "it is a URL (at character 1)" in error
    assert f"remove {prefix!r} and write registry/repository:tag" in error


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("nginx:1", "docker.io/library/nginx:1"),
        ("grafana/grafana:10", "docker.io/grafana/grafana:10"),
        ("localhost/app:1", "localhost/app:1"),
        ("registry:5000", "docker.io/library/registry:5000"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
    ],
)
def test_docker_hub_short_names(written: str, canonical: str) -> None:
    """Docker Hub short names: the implied `library/` is looked up, and not written into the template."""
    known = resolvers(canonical)
    assert image(pin_in(known, f"!PinDigest {written}")) == f"{written.rpartition(':')[0]}@{DIGEST}"
    assert [str(lookup) for lookup in known.image_lookups] == [canonical]


def test_docker_io_vs_index_docker_io__policy_controller_745() -> None:
    """sigstore/policy-controller #745: `docker.io` became `index.docker.io`; we keep both names."""
    names = ("nginx", "docker.io/nginx", "index.docker.io/library/nginx", "docker.io/library/nginx")
    known = resolvers("nginx:1")
    result = pin_in(known, *(f"!PinDigest {name}:1" for name in names))
    assert [image(result, f"Web{number}") for number in ("", 2, 3, 4)] == [f"{name}@{DIGEST}" for name in names]
    assert len(known.image_lookups) == 1
    lambda_function = pin_in(known, function("!PinDigest Platform=Any index.docker.io/nginx:1"))
    assert image(lambda_function) == f"index.docker.io/nginx@{DIGEST}"
    assert reported(lambda_function, CODE)["result"] == f"index.docker.io/nginx@{DIGEST}"
