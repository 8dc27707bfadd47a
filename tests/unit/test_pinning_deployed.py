"""Pin with deployed images and lock files: which source a digest comes from, and which requests are made."""

from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.deployed import ALL_STATE, NotKnown, StatePattern
from image_pinner.core.errors import TooManyLookupsError
from image_pinner.core.images.lookups import OCI_INDEX
from image_pinner.core.images.references import Digest
from image_pinner.core.lock import LockEntry, LockFile, LockKey
from image_pinner.settings import Settings
from support.images import HEX
from support.templates import (
    ABSENT,
    ACCOUNT,
    EveryDigest,
    ExpectedDigests,
    FakeDeployments,
    FakeLocks,
    deployed,
    image_in,
    pin,
    pinned,
    problems_of,
    statuses_of,
    task,
    template_of,
)

IMAGE = "Resources.Web.Properties.ContainerDefinitions[0].Image"
ALLOWED = Settings(state_scope=ALL_STATE)
RUNS = deployed(f"nginx@sha256:{HEX}", "nginx:1")
RUNNING = f"docker.io/library/nginx@sha256:{HEX}"
LOCKED = Digest(f"sha256:{'5' * 64}")
NEVER = {"Refresh": "Never", "StackName": "shop"}
LABEL = "image-pinner.source"


def lock_of(image: str = "docker.io/library/nginx:1", **registries: str) -> LockFile:
    key = LockKey(image, "", single_platform=False)
    entry = LockEntry(key, LOCKED, OCI_INDEX, "2026-01-01T00:00:00Z", "registry")
    return LockFile({key: entry}, registries, "images.lock.json")


def decisions(report: Any) -> dict[str, str]:
    return {image["path"]: image.get("decision", image["status"]) for image in report.to_json()["images"]}


def reasons(report: Any) -> dict[str, str | None]:
    return {image["written"]: image.get("not_kept") for image in report.to_json()["images"]}


class TestScope:
    @pytest.mark.parametrize(
        ("params", "scope"),
        [
            ({"Refresh": "Never"}, ALL_STATE),
            (NEVER, ()),
            (NEVER, (StatePattern("stack", "other-*"), StatePattern("service", "*"))),
            (NEVER | {"Service": "shop/web"}, (StatePattern("stack", "*"),)),
            (NEVER | {"Family": "web"}, (StatePattern("stack", "*"), StatePattern("service", "*"))),
        ],
    )
    def test_a_denied_lookup_is_a_problem_without_a_request(
        self, params: dict[str, str], scope: tuple[StatePattern, ...]
    ) -> None:
        deployments, digests = FakeDeployments(), EveryDigest()
        template = template_of("!PinDigest nginx:1")
        result = pin(template, params, settings=Settings(state_scope=scope), deployed=deployments, digests=digests)
        assert [path for path, _ in problems_of(result)] == [IMAGE]
        assert (deployments.lookups, digests.calls) == ([], 0)
        assert result.report.to_json()["images"][0]["status"] == "failed"

    def test_only_allowed_images_are_looked_up(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Db"] = task("!PinDigest redis:1")
        template["Resources"]["Db"]["Metadata"] = {"ImagePinner": {"Service": "other/db"}}
        deployments = FakeDeployments()
        settings = Settings(state_scope=(StatePattern("stack", "shop"),))
        result = pin(template, NEVER, settings=settings, deployed=deployments)
        assert [path.split(".")[1] for path, _ in problems_of(result)] == ["Db"]
        assert [lookup.identity.resource for lookup in deployments.lookups] == ["Web"]


class TestLimits:
    def test_too_many_deployed_images_are_one_error_without_a_request(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"] |= {f"Db{number}": task("!PinDigest nginx:1") for number in range(3)}
        deployments, digests = FakeDeployments(), EveryDigest()
        with pytest.raises(TooManyLookupsError, match="lookups of 4 deployed images, and the configuration allows 3"):
            pin(template, NEVER, settings=ALLOWED._replace(max_images=3), deployed=deployments, digests=digests)
        assert (deployments.lookups, digests.calls) == ([], 0)

    def test_too_many_services_of_one_image_are_one_error_without_a_request(self) -> None:
        services = [f"shop/web-{number}" for number in range(4)]
        template = template_of(
            "!PinDigest nginx:1", Metadata={"ImagePinner": {"Refresh": "Never", "Service": services}}
        )
        deployments = FakeDeployments()
        with pytest.raises(TooManyLookupsError, match="lookups of 4 services and families"):
            pin(template, {}, settings=ALLOWED._replace(max_images=3), deployed=deployments)
        assert deployments.lookups == []

    def test_images_whose_digests_are_locked_do_not_count(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Db"] = task("!PinDigest redis:1")
        result = pin(template, {}, settings=Settings(max_images=1), lock=lock_of())
        assert [path.split(".")[1] for path, _ in problems_of(result)] == ["Db"]  # it is not in the lock file


class TestDeployed:
    def test_without_a_source_it_is_not_known_what_is_deployed(self) -> None:
        result = pin(template_of("!PinDigest WhenMissing=KeepTag nginx:1"), NEVER, settings=ALLOWED)
        assert problems_of(result) == [(IMAGE, "deployed images cannot be looked up here")]

    def test_one_image_whose_state_is_not_known_changes_nothing(self) -> None:
        template = template_of("!PinDigest nginx:1", Outputs={})
        template["Resources"]["Db"] = task("!PinDigest redis:1")
        deployments = FakeDeployments({IMAGE: RUNS, IMAGE.replace("Web", "Db"): NotKnown("it is denied", "allow it")})
        result = pin(template, NEVER, settings=ALLOWED, deployed=deployments)
        assert problems_of(result) == [(IMAGE.replace("Web", "Db"), "it is denied")]
        assert result.answer == template

    def test_a_kept_image_makes_one_existence_check_and_no_other_request(self) -> None:
        digests, deployments = EveryDigest(), FakeDeployments({IMAGE: RUNS})
        template = template_of("!PinDigest nginx:2")
        result = pin(template, NEVER, settings=ALLOWED, deployed=deployments, digests=digests)
        assert digests.lookups == [RUNNING]
        assert image_in(result.answer) == f"nginx@sha256:{HEX}"
        container = result.answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
        assert container["DockerLabels"] == {LABEL: "nginx:1"}

    def test_an_image_without_a_recorded_reference_gets_no_label(self) -> None:
        deployments = FakeDeployments({IMAGE: deployed(f"nginx@sha256:{HEX}")})
        result = pin(template_of("!PinDigest nginx:2"), NEVER, settings=ALLOWED, deployed=deployments)
        container = result.answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
        assert container == {"Name": "web", "Image": f"nginx@sha256:{HEX}"}

    def test_the_recorded_references_of_branches_are_those_of_their_images(self) -> None:
        image = {"Fn::If": ["Open", "!PinDigest nginx:1", {"Fn::If": ["Open", "!PinDigest b:1", "!PinDigest c:1"]}]}
        template = template_of(image, Conditions={"Open": {"Fn::Equals": [{"Ref": "AWS::StackId"}, "x"]}})
        states = {f"{IMAGE}.Fn::If[1]": RUNS, f"{IMAGE}.Fn::If[2].Fn::If[1]": deployed(f"b@sha256:{HEX}")}
        result = pin(template, NEVER, settings=ALLOWED, deployed=FakeDeployments(states))
        container = result.answer["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
        images = ["Open", f"nginx@sha256:{HEX}", {"Fn::If": ["Open", f"b@sha256:{HEX}", pinned("c", "1")]}]
        assert container["Image"] == {"Fn::If": images}
        references = ["Open", "nginx:1", {"Fn::If": ["Open", {"Ref": "AWS::NoValue"}, "c:1"]}]
        assert container["DockerLabels"] == {LABEL: {"Fn::If": references}}

    def test_on_change_resolves_a_changed_reference(self) -> None:
        params = {"Refresh": "OnChange", "StackName": "shop"}
        deployments = FakeDeployments({IMAGE: RUNS})
        kept = pin(template_of("!PinDigest nginx:1"), params, settings=ALLOWED, deployed=deployments)
        changed = pin(template_of("!PinDigest nginx:2"), params, settings=ALLOWED, deployed=deployments)
        assert image_in(kept.answer) == f"nginx@sha256:{HEX}"
        assert image_in(changed.answer) == pinned("nginx", "2")
        assert reasons(kept.report) == {"nginx:1": None}
        assert reasons(changed.report) == {"nginx:2": f"{RUNS.origin} was deployed from nginx:1"}
        unrecorded = FakeDeployments({IMAGE: deployed(f"nginx@sha256:{HEX}")})
        changed = pin(template_of("!PinDigest nginx:1"), params, settings=ALLOWED, deployed=unrecorded)
        assert reasons(changed.report) == {"nginx:1": f"{RUNS.origin} was deployed from an unrecorded reference"}

    def test_an_image_with_a_digest_is_taken_as_written(self) -> None:
        deployments = FakeDeployments({IMAGE: RUNS})
        written = f"nginx@sha256:{'9' * 64}"
        result = pin(template_of(f"!PinDigest {written}"), NEVER, settings=ALLOWED, deployed=deployments)
        assert image_in(result.answer) == written
        assert deployments.lookups == []

    def test_refresh_always_makes_no_lookup_of_what_is_deployed(self) -> None:
        deployments = FakeDeployments({IMAGE: RUNS})
        template = template_of("!PinDigest nginx:1", Parameters={"Mode": {"Type": "String", "Default": "Never"}})
        params = {"Refresh": {"Ref": "Mode"}, "StackName": "shop"}
        result = pin(template, params, values={"Mode": "Always"}, settings=ALLOWED, deployed=deployments)
        assert image_in(result.answer) == pinned("nginx", "1")
        assert deployments.lookups == []
        assert image_in(pin(template, params, settings=ALLOWED, deployed=deployments).answer) == f"nginx@sha256:{HEX}"


class TestStackName:
    REPOSITORY = {"Fn::Sub": "!PinDigest shop/${AWS::StackName}:1"}  # noqa: RUF012 - read only

    def test_an_image_with_an_unknown_stack_name_is_a_problem_with_the_option(self) -> None:
        ((problem),) = pin(template_of(self.REPOSITORY), {"StackName": ""}).report.problems
        assert "AWS::StackName is unknown" in problem.cause
        assert problem.help == "set StackName: !Ref AWS::StackName in the Parameters of the Transform"

    def test_images_evaluate_with_the_option(self) -> None:
        result = pin(template_of(self.REPOSITORY), {"StackName": "web"})
        assert image_in(result.answer) == pinned("shop/web", "1")

    def test_images_evaluate_with_the_known_stack_name(self) -> None:
        template = template_of(self.REPOSITORY)
        for params in ({}, {"StackName": {"Ref": "AWS::StackName"}}):
            assert image_in(pin(template, params, stack_name="web").answer) == pinned("shop/web", "1")

    def test_the_option_decides_no_condition(self) -> None:
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Web"]["Condition"] = "Other"
        template["Conditions"] = {"Other": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "other"]}}
        assert statuses_of(pin(template, stack_name="web")) == {IMAGE: "not deployed"}
        for params in ({"StackName": "web"}, {"StackName": "other"}):
            assert statuses_of(pin(template, params)) == {IMAGE: "pinned"}
            assert statuses_of(pin(template, params, stack_name="unlike")) == {IMAGE: "pinned"}

    def test_the_option_does_not_resolve_images_that_are_not_pinned(self) -> None:
        template = template_of({"Fn::Sub": "shop/${AWS::StackName}:1"})
        (unpinned,) = pin(template, stack_name="web").report.to_json()["images"]
        assert unpinned["written"] == "shop/web:1"
        (unpinned,) = pin(template, {"StackName": "web"}).report.to_json()["images"]
        assert "written" not in unpinned
        assert unpinned["reason"].startswith("AWS::StackName is unknown: the StackName of the template only applies to")

    @pytest.mark.parametrize(
        "image",
        [
            {"Fn::Sub": "!PinDigest shop/${AWS::StackName}:1"},
            {"Fn::PinDigest": {"Fn::Sub": "shop/${AWS::StackName}:1"}},
            {"Fn::Sub": "shop/${AWS::StackName}:1"},
        ],
    )
    def test_an_image_with_the_option_that_keeps_its_tag_is_written_as_text(self, image: Any) -> None:
        params = {"StackName": "web", "WhenMissing": "KeepTag", "Pin": "All"}
        result = pin(template_of(image), params, digests=EveryDigest({"docker.io/shop/web:1": ABSENT}))
        assert image_in(result.answer) == "shop/web:1"
        assert statuses_of(result) == {IMAGE: "tag kept"}

    def test_the_option_does_not_set_the_platform_that_gates_judge(self) -> None:
        template = template_of(self.REPOSITORY)
        architecture = {"Fn::FindInMap": ["Architectures", {"Ref": "AWS::StackName"}, "value"]}
        template["Resources"]["Web"]["Properties"]["RuntimePlatform"] = {"CpuArchitecture": architecture}
        template["Mappings"] = {"Architectures": {"web": {"value": "ARM64"}, "other": {"value": "X86_64"}}}
        for params, stack_name, runtime in (({}, "web", "linux/arm64"), ({"StackName": "web"}, "", "None")):
            result = pin(template, params, stack_name=stack_name)
            ((outcome),) = result.report.outcomes
            assert str(outcome.site.platform) == "linux/arm64"
            assert str(outcome.site.runtime_platform) == runtime

    def test_the_stack_name_reaches_the_lookups_of_deployed_images(self) -> None:
        for params, stack_name in ((NEVER, "other"), (NEVER | {"StackName": ""}, "shop")):
            deployments = FakeDeployments()
            template = template_of("!PinDigest nginx:1")
            pin(template, params, settings=ALLOWED, deployed=deployments, stack_name=stack_name)
            assert [lookup.stack_name for lookup in deployments.lookups] == ["shop"]


class TestLock:
    PARAMS = {"Lock": "ssm:/images.lock"}  # noqa: RUF012 - read only

    def test_a_lock_that_cannot_be_read_is_one_problem_and_no_request_is_made(self) -> None:
        locks, digests = FakeLocks(NotKnown("ssm:GetParameter is denied", "allow it", "AWS::AccountId")), EveryDigest()
        template = template_of("!PinDigest nginx:1")
        template["Resources"]["Db"] = task("!PinDigest redis:1")
        result = pin(template, self.PARAMS, digests=digests, locks=locks)
        assert problems_of(result) == [("Transform", "cannot read the lock file: ssm:GetParameter is denied")]
        assert [problem.missing for problem in result.report.problems] == ["AWS::AccountId"]
        assert [image["status"] for image in result.report.to_json()["images"]] == ["failed", "failed"]
        assert digests.calls == 0
        assert locks.reads == [("ssm:/images.lock", ACCOUNT)]

    def test_without_a_source_the_lock_cannot_be_read(self) -> None:
        ((path, cause),) = problems_of(pin(template_of("!PinDigest nginx:1"), self.PARAMS))
        assert (path, cause) == ("Transform", "cannot read the lock file: ssm:/images.lock cannot be read here")

    def test_an_image_that_is_not_locked_is_a_problem_even_with_keep_tag(self) -> None:
        digests = EveryDigest()
        result = pin(
            template_of("!PinDigest WhenMissing=KeepTag nginx:2"),
            self.PARAMS,
            digests=digests,
            locks=FakeLocks(lock_of()),
        )
        ((path, cause),) = problems_of(result)
        assert path == IMAGE
        assert cause == "images.lock.json has no entry for docker.io/library/nginx:2"
        assert digests.calls == 0

    def test_the_lock_precedes_deployed_images_and_registries(self) -> None:
        digests, deployments = EveryDigest(), FakeDeployments({IMAGE: RUNS})
        result = pin(
            template_of("!PinDigest nginx:1"),
            self.PARAMS | NEVER,
            settings=ALLOWED,
            digests=digests,
            deployed=deployments,
            locks=FakeLocks(lock_of()),
        )
        assert image_in(result.answer) == f"nginx@{LOCKED}"
        assert (digests.calls, deployments.lookups) == (0, [])

    def test_the_passed_lock_precedes_the_one_of_the_template(self) -> None:
        locks = FakeLocks(NotKnown("it is not read", "nothing"))
        result = pin(template_of("!PinDigest nginx:1"), self.PARAMS, locks=locks, lock=lock_of())
        assert image_in(result.answer) == f"nginx@{LOCKED}"
        assert locks.reads == []

    def test_a_promoted_digest_is_checked_in_its_registry(self) -> None:
        lock = lock_of("dev.example/web:1", **{"dev.example": "prod.example"})
        digests = ExpectedDigests([f"prod.example/web@{LOCKED}"])
        result = pin(template_of("!PinDigest prod.example/web:1"), digests=digests, lock=lock)
        assert image_in(result.answer) == f"prod.example/web@{LOCKED}"


def test_deployed_images_precede_registries_and_the_report_contains_the_sources() -> None:
    template = {
        "Resources": {
            "Web": task("!PinDigest nginx:1"),
            "New": task("!PinDigest nginx:2"),
            "Own": task(f"!PinDigest nginx@sha256:{HEX}"),
        }
    }
    result = pin(template, NEVER, settings=ALLOWED, deployed=FakeDeployments({IMAGE: RUNS}))
    assert decisions(result.report) == {
        IMAGE.replace("Web", "New"): "resolved",
        IMAGE.replace("Web", "Own"): "written",
        IMAGE: "kept",
    }
    (kept,) = (image for image in result.report.to_json()["images"] if image["path"] == IMAGE)
    assert (kept["kept_from"], kept["recorded"]) == ("service shop/web", "nginx:1")
    assert reasons(result.report) == {"nginx:1": None, "nginx:2": "the stack is new", f"nginx@sha256:{HEX}": None}
    locked = pin(template_of("!PinDigest nginx:1"), lock=lock_of())
    assert decisions(locked.report) == {IMAGE: "locked"}
    assert "kept_from" not in locked.report.to_json()["images"][0]
