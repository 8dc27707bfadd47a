from __future__ import annotations

from image_pinner.core.decision import make_plan
from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.find import find_images
from image_pinner.core.template.sites import PinSite, ScanSettings
from support.images import HEX
from support.templates import ECR, task


def sites(**images: str) -> list[PinSite]:
    template = {"Resources": {name: task(image) for name, image in images.items()}}
    return find_images(template, {}, Scope.of_template(template, {}, region="", account_id=""), ScanSettings()).pinned


def function(image: str) -> list[PinSite]:
    template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"ImageUri": image}}}}}
    return find_images(template, {}, Scope.of_template(template, {}, region="", account_id=""), ScanSettings()).pinned


def test_nothing_is_asked_for_nothing() -> None:
    assert make_plan([]).lookups == ()


def test_what_names_its_digest_alone_is_planned_without_a_question() -> None:
    plan = make_plan(sites(A=f"!PinDigest nginx@sha256:{HEX}"))
    assert plan.lookups == ()
    assert [lookup for _, lookup in plan.sites] == [None]


def test_what_names_tag_and_digest_has_its_tag_asked_about_like_any_other() -> None:
    plan = make_plan(sites(A=f"!PinDigest nginx:1@sha256:{HEX}", B="!PinDigest nginx:1"))
    assert [str(lookup) for lookup in plan.lookups] == ["docker.io/library/nginx:1"]
    assert [lookup for _, lookup in plan.sites] == [*plan.lookups, *plan.lookups]
    assert plan.lookups[0].reference.digest is None


def test_the_secret_that_a_template_names_makes_another_question() -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:registry"
    plain, own = sites(A="!PinDigest nginx:1", B="!PinDigest nginx:1")
    plan = make_plan([plain, own._replace(credentials=secret)])
    assert [lookup.credentials for lookup in plan.lookups] == ["", secret]


def test_equal_questions_are_one_and_every_site_has_its_own() -> None:
    found = sites(A="!PinDigest nginx:1", B="!PinDigest docker.io/library/nginx:1", C="!PinDigest nginx:2")
    plan = make_plan(found)
    assert [str(lookup) for lookup in plan.lookups] == ["docker.io/library/nginx:1", "docker.io/library/nginx:2"]
    assert [site for site, _ in plan.sites] == found
    assert plan.sites[0][1] == plan.sites[1][1] == plan.lookups[0]


def test_the_platform_and_the_form_that_is_taken_make_other_questions() -> None:
    found = sites(A=f"!PinDigest {ECR}/a:1", B=f"!PinDigest Platform=linux/amd64 {ECR}/a:1")
    plan = make_plan([*found, *function(f"!PinDigest {ECR}/a:1")])
    assert {(lookup.platform, lookup.index_allowed) for lookup in plan.lookups} == {
        (None, True),
        (Platform("linux", "amd64"), True),
        (Platform("linux", "amd64"), False),
    }


def test_the_order_of_questions_is_not_that_of_the_template() -> None:
    images = {"A": "!PinDigest b:1", "B": "!PinDigest Platform=linux/arm64 a:1", "C": "!PinDigest a:1"}
    lookups = make_plan(sites(**images)).lookups
    assert lookups == make_plan(sites(**dict(reversed(images.items())))).lookups
    assert [str(lookup) for lookup in lookups] == [
        "docker.io/library/a:1",
        "docker.io/library/a:1 for linux/arm64",
        "docker.io/library/b:1",
    ]
