"""`image-pinner diff`: what is compared, and what is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.core.template.records import RECORD_KEY
from support.deployed_stacks import HOST, SERVICE, StackScene, task
from support.deployment.fake_clients import Refusal, denied
from support.locks import entry, lock_data
from unit.cli.cli_templates import MARKED, PLAIN, REFUSED, saved

REPOSITORY = f"{HOST}/shop/web"
TEMPLATE = MARKED.replace("shop/web", REPOSITORY) + (
    "  Service: {Type: AWS::ECS::Service, Properties: {TaskDefinition: !Ref Web}}\n"
)
PATH = "Resources.Web.Properties.ContainerDefinitions[0].Image"
MISSING = "sha256:" + "0" * 64


@pytest.fixture
def scene() -> StackScene:
    scene = StackScene()
    scene.push(f"{REPOSITORY}:0.9", "old", 1)
    scene.push(f"{REPOSITORY}:1.0", "new", 28)
    return scene


def deployed(image: str, record: str = f"{REPOSITORY}:1.0") -> dict[str, Any]:
    web = task(("web", image))
    web["Properties"]["ContainerDefinitions"][0]["DockerLabels"] = {RECORD_KEY: record} if record else {}
    return {"Resources": {"Web": web, "Service": SERVICE}}


def by_digest(scene: StackScene, tag: str) -> str:
    return f"{REPOSITORY}@{scene.registry._images[HOST, 'shop/web'][tag].digest}"


def images(scene: StackScene, template: Path, *options: str, code: int = 1) -> list[dict[str, Any]]:
    run = scene.diff(template, "--format", "json", *options)
    assert run.code == code, run.err
    found: list[dict[str, Any]] = json.loads(run.out)["images"]
    return found


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--stack", "a", "--against", "b"), "--stack and --against cannot be used together"),
            (("--against", "b", "--lock", "c"), "--against and --lock cannot be used together"),
            (("--parameter", "Tga=1"), "declares no parameter 'Tga' (did you mean 'Tag'?)"),
            (("--format", "xml"), "'xml' is not one of 'text', 'markdown', 'json'"),
            (("--against", "missing.yaml"), "missing.yaml"),
            (("--lock", "missing.json"), "missing.json"),
        ],
    )
    def test_wrong_options_are_refused(
        self, options: tuple[str, ...], message: str, scene: StackScene, tmp_path: Path
    ) -> None:
        run = scene.diff(saved(tmp_path, TEMPLATE), *options)
        assert (run.code, run.out, scene.registry.image_lookups) == (2, b"", [])
        assert message in run.err

    def test_standard_input_is_read_once(self, scene: StackScene) -> None:
        run = scene.diff("-", "--against", "-", stdin=TEMPLATE.encode())
        assert (run.code, run.out) == (2, b"")
        assert "standard input cannot be both templates" in run.err

    def test_a_stack_that_does_not_exist_is_a_failed_lookup(self, scene: StackScene, tmp_path: Path) -> None:
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shpo")
        assert (run.code, run.out) == (3, b"")
        assert run.err == "error: stack shpo does not exist in eu-central-1\nhelp: correct --stack or --region\n"

    @pytest.mark.parametrize(
        ("operation", "refusal", "message"),
        [
            ("DescribeStacks", denied("cloudformation:DescribeStacks"), "allow cloudformation:DescribeStacks"),
            ("GetTemplate", denied("cloudformation:GetTemplate"), "allow cloudformation:GetTemplate"),
            ("GetTemplate", Refusal("Throttling", "Rate exceeded"), "CloudFormation in eu-central-1 throttled"),
        ],
    )
    def test_a_stack_that_cannot_be_read_is_a_failed_lookup(
        self, operation: str, refusal: Refusal, message: str, scene: StackScene, tmp_path: Path
    ) -> None:
        scene.deploy(deployed(REPOSITORY))
        scene.refusals[operation] = refusal
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert (run.code, run.out) == (3, b"")
        assert message in run.err

    def test_without_a_region_no_stack_is_read(self, scene: StackScene, tmp_path: Path) -> None:
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop", env={"AWS_REGION": ""})
        assert (run.code, scene.requests) == (2, [])
        assert "AWS region is unknown" in run.err

    def test_an_image_that_does_not_exist_is_a_failed_lookup(self, scene: StackScene, tmp_path: Path) -> None:
        run = scene.diff(saved(tmp_path, TEMPLATE), "--parameter", "Tag=2.0")
        assert (run.code, run.out) == (3, b"")
        assert "has no tag '2.0'" in run.err
        assert run.err.endswith("Found 1 problem. No comparison was written.\n")

    def test_an_invalid_template_is_a_finding_also_if_it_is_the_other_one(
        self, scene: StackScene, tmp_path: Path
    ) -> None:
        other = saved(tmp_path, REFUSED, "other.yaml")
        run = scene.diff(saved(tmp_path, TEMPLATE), "--against", str(other))
        assert (run.code, run.out) == (1, b"")
        assert run.err.startswith(f"error: {other}:11:18: ")


class TestAgainstItself:
    def test_a_pinned_template_does_not_change(self, scene: StackScene, tmp_path: Path) -> None:
        pinned = TEMPLATE.replace(f'!Sub "!PinDigest {REPOSITORY}:${{Tag}}"', by_digest(scene, "1.0"))
        run = scene.diff(saved(tmp_path, pinned))
        assert (run.code, run.err) == (0, "")
        assert run.text.endswith("template before it is pinned:\nNo image would change (1 compared).\n")

    def test_a_template_without_images_does_not_change(self, scene: StackScene, tmp_path: Path) -> None:
        assert scene.diff(saved(tmp_path, PLAIN)).code == 0

    def test_a_marked_image_changes_from_its_tag_to_its_digest(self, scene: StackScene, tmp_path: Path) -> None:
        (image,) = images(scene, saved(tmp_path, TEMPLATE))
        assert (image["change"], image["line"], image["column"]) == ("changed", 11, 18)
        assert (image["old"]["image"], image["old"]["digest"]) == (f"{REPOSITORY}:1.0", "")
        assert image["new"] == {
            "image": by_digest(scene, "1.0"),
            "digest": by_digest(scene, "1.0").partition("@")[2],
            "written": f"{REPOSITORY}:1.0",
            "label": f"{REPOSITORY}:1.0",
            "tags": ["1.0"],
            "tags_from": "ECR",
            "pushed_at": "2026-11-28T12:00:00Z",
        }

    def test_a_tag_that_is_not_recorded_is_still_known(self, scene: StackScene, tmp_path: Path) -> None:
        text = TEMPLATE.replace("!PinDigest ", "!PinDigest Record=None ")
        (image,) = images(scene, saved(tmp_path, text))
        assert image["new"]["written"] == f"{REPOSITORY}:1.0"

    def test_an_image_that_keeps_its_tag_does_not_change_and_is_a_warning(
        self, scene: StackScene, tmp_path: Path
    ) -> None:
        text = TEMPLATE.replace("!PinDigest ", "!PinDigest WhenMissing=KeepTag ")
        run = scene.diff(saved(tmp_path, text), "--parameter", "Tag=2.0")
        assert run.code == 0
        assert "warning: " in run.err
        assert "tag kept" in run.err

    def test_outside_of_ecr_only_the_written_tag_is_known(self, scene: StackScene, tmp_path: Path) -> None:
        scene.push("shop/web:1.0", "hub")
        (image,) = images(scene, saved(tmp_path, MARKED))
        assert (image["new"]["tags"], image["new"]["tags_from"]) == (["1.0"], "template")
        assert (image["new"]["pushed_at"], image["new"]["unknown"]) == ("", "only ECR records it")


class TestAgainstFile:
    @pytest.mark.parametrize("is_pinned", [False, True])
    def test_another_template_is_compared_pinned_or_not(
        self,
        is_pinned: bool,  # noqa: FBT001 - parametrized
        scene: StackScene,
        tmp_path: Path,
    ) -> None:
        before = TEMPLATE.replace('"1.0"', '"0.9"')
        if is_pinned:
            before = before.replace(f'!Sub "!PinDigest {REPOSITORY}:${{Tag}}"', by_digest(scene, "0.9"))
        other = saved(tmp_path, before, "before.yaml")
        run = scene.diff(saved(tmp_path, TEMPLATE), "--against", str(other))
        assert run.code == 1
        assert f"    - {by_digest(scene, '0.9')}\n      tags: 0.9; pushed 2026-11-01, 28 days ago\n" in run.text
        assert f"    + {by_digest(scene, '1.0')}\n      tags: 1.0; pushed 2026-11-28, 1 day ago\n" in run.text
        assert "± Web (AWS::ECS::TaskDefinition): replaced; redeploys Service\n" in run.text

    def test_each_template_has_the_values_of_its_own_parameters(self, scene: StackScene, tmp_path: Path) -> None:
        other = saved(tmp_path, TEMPLATE.replace("Tag", "Version"), "before.yaml")
        options = ("--against", str(other), "--parameter", "Tag=1.0", "--parameter", "Version=1.0")
        (image,) = images(scene, saved(tmp_path, TEMPLATE), *options, code=0)
        assert image["change"] == "unchanged"


class TestLock:
    def lock(self, scene: StackScene, folder: Path) -> str:
        """Write a lock file in which the tag 1.0 has the old digest."""
        path = folder / "images.lock.json"
        path.write_bytes(lock_data(entry(f"{REPOSITORY}:1.0", digest=by_digest(scene, "0.9").partition("@")[2])))
        return str(path)

    def test_a_locked_digest_changes_to_the_current_one(self, scene: StackScene, tmp_path: Path) -> None:
        template = saved(tmp_path, TEMPLATE)
        (image,) = images(scene, template, "--lock", self.lock(scene, tmp_path))
        assert (image["change"], image["old"]["image"]) == ("changed", by_digest(scene, "0.9"))
        assert image["old"]["tags"] == ["0.9"]

    def test_a_current_lock_file_does_not_change(self, scene: StackScene, tmp_path: Path) -> None:
        template = saved(tmp_path, TEMPLATE)
        lock = self.lock(scene, tmp_path)
        scene.registry.move(f"{REPOSITORY}:1.0", f"{REPOSITORY}:0.9")
        (image,) = images(scene, template, "--lock", lock, code=0)
        assert image["change"] == "unchanged"

    def test_an_image_without_an_entry_is_added(self, scene: StackScene, tmp_path: Path) -> None:
        template = saved(tmp_path, TEMPLATE.replace('"1.0"', '"0.9"'))
        (image,) = images(scene, template, "--lock", self.lock(scene, tmp_path))
        assert (image["change"], image["old"]) == ("added", None)


class TestStack:
    def test_an_equal_stack_does_not_change(self, scene: StackScene, tmp_path: Path) -> None:
        scene.deploy(deployed(by_digest(scene, "1.0")))
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert (run.code, run.err) == (0, "")
        assert run.text.endswith("compared with stack shop in eu-central-1:\nNo image would change (1 compared).\n")

    @pytest.mark.parametrize("record", ["", f"{REPOSITORY}:stable"])
    def test_another_recorded_tag_of_the_same_digest_redeploys_the_service(
        self, record: str, scene: StackScene, tmp_path: Path
    ) -> None:
        scene.deploy(deployed(by_digest(scene, "1.0"), record))
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert run.code == 1
        assert "= Web / web: rewritten, the digest stays\n" in run.text
        assert f"      label: {record or 'none'}\n    + " in run.text
        assert f"      label: {REPOSITORY}:1.0\n" in run.text
        assert "± Web (AWS::ECS::TaskDefinition): replaced; redeploys Service\n" in run.text

    def test_the_recorded_tag_of_a_deployed_digest_is_shown(self, scene: StackScene, tmp_path: Path) -> None:
        image = by_digest(scene, "0.9")
        scene.deploy(deployed(image, f"{REPOSITORY}:0.9"))
        (found,) = images(scene, saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert (found["old"]["image"], found["old"]["written"]) == (image, f"{REPOSITORY}:0.9")

    def test_a_deployed_image_that_no_longer_exists_has_no_age(self, scene: StackScene, tmp_path: Path) -> None:
        scene.deploy(deployed(f"{REPOSITORY}@{MISSING}"))
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert run.code == 1
        assert f"age unknown: repository '{REPOSITORY}' has no image with the digest {MISSING}\n" in run.text

    def test_a_tag_in_the_stack_has_the_digest_that_runs(self, scene: StackScene, tmp_path: Path) -> None:
        scene.deploy(deployed(f"{REPOSITORY}:1.0"))
        scene.registry.deployments.deploy("Web", "web", by_digest(scene, "1.0"))
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert run.code == 1
        assert "= Web / web: rewritten, the digest stays\n" in run.text
        assert f"      the in-memory resource Web runs {by_digest(scene, '1.0').partition('@')[2]}\n" in run.text

    def test_what_a_script_deployed_is_shown(self, scene: StackScene, tmp_path: Path) -> None:
        scene.push(f"{REPOSITORY}:hotfix", "hotfix")
        scene.deploy(deployed(by_digest(scene, "0.9")))
        scene.registry.deployments.deploy("Web", "web", by_digest(scene, "0.9"))
        scene.registry.deployments.update("Web", "web", by_digest(scene, "hotfix"))
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
        hotfix = by_digest(scene, "hotfix").partition("@")[2]
        assert f"      the in-memory service of Web runs {hotfix}, which the stack did not deploy\n" in run.text

    def test_what_runs_can_be_unknown(self, scene: StackScene, tmp_path: Path) -> None:
        scene.deploy(deployed(f"{REPOSITORY}:1.0"))
        scene.registry.deployments.break_service("ecs:DescribeServices is denied in eu-central-1")
        template = saved(tmp_path, TEMPLATE)
        run = scene.diff(template, "--stack", "shop")
        assert run.code == 1
        assert "      digest unknown: ecs:DescribeServices is denied in eu-central-1\n" in run.text
        (image,) = images(scene, template, "--stack", "shop")
        assert image["old"]["running"] == {"unknown": "ecs:DescribeServices is denied in eu-central-1"}

    def test_parameters_that_are_not_set_have_the_values_of_the_stack(self, scene: StackScene, tmp_path: Path) -> None:
        tree = deployed(by_digest(scene, "0.9"), f"{REPOSITORY}:0.9")
        scene.deploy(tree, Tag="0.9", Secret="****", Gone="x")
        template = saved(tmp_path, TEMPLATE)
        assert scene.diff(template, "--stack", "shop").code == 0
        assert scene.diff(template, "--stack", "shop", "--parameter", "Tag=1.0").code == 1
        assert scene.diff(template, "--stack", "shop", "--parameter", "Gone=x").code == 2

    def test_account_region_and_name_are_those_of_the_stack(self, scene: StackScene, tmp_path: Path) -> None:
        host = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com"
        text = TEMPLATE.replace(HOST, host).replace("shop/web", "${AWS::StackName}/web")
        scene.deploy(deployed(by_digest(scene, "1.0")))
        run = scene.diff(saved(tmp_path, text), "--stack", "shop")
        assert (run.code, run.err) == (0, "")

    def test_a_parameter_of_an_ssm_type_is_resolved_in_the_stack(self, scene: StackScene, tmp_path: Path) -> None:
        tree = deployed("unused")
        tree["Parameters"] = {"Image": {"Type": "AWS::SSM::Parameter::Value<String>"}}
        tree["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"] = {"Ref": "Image"}
        scene.deploy(tree, Image="/shop/image")
        scene.stacks["shop"][2][0]["ResolvedValue"] = by_digest(scene, "1.0")
        assert scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop").code == 0

    def test_a_previous_value_is_that_of_the_stack(self, scene: StackScene, tmp_path: Path) -> None:
        tree = deployed(by_digest(scene, "0.9"), f"{REPOSITORY}:0.9")
        tree["Parameters"] = {"Tag": {"Type": "String"}}
        scene.deploy(tree, Tag="0.9")
        word = "ParameterKey=Tag,UsePreviousValue=true"
        run = scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop", "--parameter-overrides", word)
        assert (run.code, run.err) == (0, "")

    def test_a_stack_in_review_has_nothing(self, scene: StackScene, tmp_path: Path) -> None:
        scene.deploy({}, status="REVIEW_IN_PROGRESS")
        (image,) = images(scene, saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert (image["change"], scene.requests) == ("added", ["DescribeStacks"])

    def test_a_stack_without_macros_has_its_template_in_yaml(self, scene: StackScene, tmp_path: Path) -> None:
        scene.deploy(TEMPLATE.replace("!PinDigest ", "").replace("Transform: ImagePinner\n", ""))
        (image,) = images(scene, saved(tmp_path, TEMPLATE), "--stack", "shop")
        assert (image["change"], image["old"]["image"]) == ("changed", f"{REPOSITORY}:1.0")

    def test_images_in_a_loop_are_not_compared(self, scene: StackScene, tmp_path: Path) -> None:
        loop = "\n  Fn::ForEach::Tasks:\n    - Name\n    - [A, B]\n    - Task${Name}:\n"
        body = TEMPLATE.partition("  Web:\n")[2].partition("  Service")[0]
        indented = "".join(f"      {line}\n" for line in body.replace("!PinDigest ", "").splitlines())
        scene.deploy({"Resources": {"TaskA": task(("web", by_digest(scene, "0.9")))}})
        text = TEMPLATE.partition("  Web:\n")[0] + loop.lstrip("\n") + indented
        run = scene.diff(saved(tmp_path, text), "--stack", "shop")
        assert run.code == 0, run.text
        assert "not compared: Resources.Fn::ForEach::Tasks" in run.text
        assert "it is in an Fn::ForEach, which only AWS::LanguageExtensions expands\n" in run.text


class TestMarkdown:
    def test_a_few_of_many_tags_are_shown_with_that_of_the_template(self, scene: StackScene, tmp_path: Path) -> None:
        for number in range(60):
            scene.push(f"{REPOSITORY}:0-build-{number:02}", "new")
        text = scene.diff(saved(tmp_path, TEMPLATE), "--format", "markdown").text
        tags = ", ".join(f"`0-build-{number:02}`" for number in range(4))
        assert f"<br>`1.0`, {tags}, 56 more<br>pushed" in text

    def test_a_comment_is_not_longer_than_github_accepts(self, scene: StackScene, tmp_path: Path) -> None:
        image = f"shop/{'web' * 70}:1.0"
        scene.push(image, "web")
        job = task(("job", image))
        loops = {f"Fn::ForEach::L{number}": ["N", ["A"], {f"J{number}${{N}}": job}] for number in range(150)}
        for count, end in ((1, "\n- 50 more\n"), (100, " more lines are not shown.\n")):
            web = task(*((f"c{number}", f"!PinDigest {image}") for number in range(count)))
            tree = {"Transform": "ImagePinner", "Resources": {"Web": web, **loops}}
            text = scene.diff(saved(tmp_path, json.dumps(tree)), "--format", "markdown").text
            assert text.endswith(end)
            assert len(text) < 65_536


def test_nothing_is_executed(scene: StackScene, tmp_path: Path) -> None:
    scene.deploy(deployed(by_digest(scene, "0.9")))
    scene.diff(saved(tmp_path, TEMPLATE), "--stack", "shop")
    assert scene.requests == ["DescribeStacks", "GetTemplate"]
