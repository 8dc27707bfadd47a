"""The image and digest of a container in an ECS task definition, and the reference that its digest comes from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.deployed import NotDeployed
from image_pinner.core.template.options import Refresh
from support.deployed_images import (
    FIRST,
    REPOSITORY,
    SECOND,
    THIRD,
    FakeAws,
    Response,
    container,
    deployed_lookup,
    error,
    kept,
    not_known,
    read_one,
    service_arn,
)

LOOKUP = deployed_lookup(services=("Web",))
PATH = LOOKUP.record_path


def running(*containers: Response, **digests: str) -> FakeAws:
    """Return a stack whose service runs these containers with these digests in its revision."""
    aws = FakeAws()
    aws.stack(
        Task=("AWS::ECS::TaskDefinition", aws.task_definition("shop:1", *containers)),
        Web=("AWS::ECS::Service", service_arn("main", "web")),
    )
    aws.running("main/web", "shop:1", **digests)
    return aws


def with_record(aws: FakeAws, image: object, record: object) -> FakeAws:
    task = {
        "Properties": {"ContainerDefinitions": [{"Image": image}]},
        "Metadata": {"image-pinner.source": {PATH: record}},
    }
    aws.templates["shop"] = {"Resources": {"Task": task}}
    return aws


class TestDigest:
    def test_tag_of_another_registry_without_a_recorded_digest_is_not_known(self) -> None:
        aws = running(container("nginx:1"))
        aws.task("main/web", "shop:1", web=FIRST)
        cause = not_known(read_one(aws, LOOKUP)).cause
        assert cause.startswith("ECS does not know the digest of 'nginx:1' in service main/web")
        assert "versionConsistency is disabled" in cause
        assert aws.count("ListTasks") == 0

    @pytest.mark.parametrize("digests", [[], [""]])
    def test_tasks_without_digests_are_not_known(self, digests: list[str]) -> None:
        aws = running(container(f"{REPOSITORY}:1"))
        for digest in digests:
            aws.task("main/web", "shop:1", web=digest)
        state = not_known(read_one(aws, LOOKUP))
        assert state.cause == f"no running task of service main/web reports the digest of '{REPOSITORY}:1'"
        assert state.help == "wait until a task runs, or set Refresh=Always for one deployment, which pins it"

    def test_task_that_has_no_digest_yet_does_not_disagree(self) -> None:
        aws = running(container(f"{REPOSITORY}:1"))
        for digest in (FIRST, ""):
            aws.task("main/web", "shop:1", web=digest)
        assert kept(read_one(aws, LOOKUP))[0] == f"{REPOSITORY}@{FIRST}"

    def test_tasks_that_disagree_are_listed(self) -> None:
        aws = running(container(f"{REPOSITORY}:1"))
        aws.task("main/web", "shop:1", web=FIRST)
        aws.task("main/web", "shop:1", web=SECOND)
        assert not_known(read_one(aws, LOOKUP)).cause == (
            f"the tasks of service main/web run different digests of '{REPOSITORY}:1': {FIRST}, {SECOND}"
        )

    @pytest.mark.parametrize("operation", ["ListTasks", "DescribeTasks"])
    def test_denied_tasks_are_not_known(self, operation: str) -> None:
        aws = running(container(f"{REPOSITORY}:1"))
        aws.task("main/web", "shop:1", web=FIRST)
        aws.fails[operation] = error("AccessDeniedException")
        assert not_known(read_one(aws, LOOKUP)).cause == f"ecs:{operation} is denied in eu-west-1"

    def test_running_tasks_know_the_digest_of_an_ecr_image(self) -> None:
        aws = running(container(f"{REPOSITORY}:1"))
        for _ in range(101):
            aws.task("main/web", "shop:1", web=FIRST)
        aws.task("main/web", "shop:9", web=SECOND)
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:1")
        assert (aws.count("ListTasks"), aws.count("DescribeTasks")) == (2, 2)

    def test_digest_of_the_revision_is_of_the_container_with_the_name(self) -> None:
        aws = running(container("nginx:1", "side"), container(f"{REPOSITORY}:1"), web=FIRST, side=SECOND)
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:1")
        side = deployed_lookup("side", services=("Web",))
        assert kept(read_one(aws, side))[:2] == (f"nginx@{SECOND}", "nginx:1")

    def test_digest_in_the_task_definition_takes_precedence(self) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"), web=SECOND)
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:1")

    def test_invalid_image_or_digest_is_not_known(self) -> None:
        assert "cannot be read" in not_known(read_one(running(container("Not An Image"), web=FIRST), LOOKUP)).cause
        assert "cannot be read" in not_known(read_one(running(container("nginx:1"), web="sha256:1"), LOOKUP)).cause


class TestContainer:
    def test_new_container_is_not_deployed(self) -> None:
        state = read_one(running(container("nginx:1", "side"), side=FIRST), LOOKUP)
        assert state == NotDeployed("task definition shop:1 has no container 'web'")

    @pytest.mark.parametrize("others", [(), (container("nginx:1", "side"),)])
    def test_unknown_name_is_not_known_because_the_container_may_be_new(self, others: tuple[Response, ...]) -> None:
        aws = running(container("nginx:2"), *others, web=FIRST)
        cause = not_known(read_one(aws, deployed_lookup("", services=("Web",)))).cause
        assert cause == "the container has no known name, by which task definition shop:1 has its image"


class TestWritten:
    def test_tag_of_the_image_takes_precedence_over_a_copied_label(self) -> None:
        aws = running(container(f"{REPOSITORY}:2", label=f"{REPOSITORY}:1"), web=FIRST)
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:2")

    def test_tag_before_a_digest_is_written(self) -> None:
        aws = running(container(f"{REPOSITORY}:2@{FIRST}", label=f"{REPOSITORY}:1"))
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:2")

    def test_image_without_a_tag_is_written(self) -> None:
        assert kept(read_one(running(container("nginx"), web=FIRST), LOOKUP))[:2] == (f"nginx@{FIRST}", "nginx")

    @pytest.mark.parametrize("label", ["other/shop:1", "not an image", ""])
    def test_label_for_another_repository_is_out_of_date(self, label: str) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}", label=label))
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", "")

    def test_label_is_written_however_its_repository_is_spelled(self) -> None:
        aws = running(container(f"nginx@{FIRST}", label="docker.io/library/nginx:1"))
        assert kept(read_one(aws, LOOKUP))[:2] == (f"nginx@{FIRST}", "docker.io/library/nginx:1")
        assert aws.count("GetTemplate") == 0

    @pytest.mark.parametrize("options", [{"services": ("Web",)}, {"named_services": ("main/web",)}, {"family": "shop"}])
    def test_label_that_a_script_copied_to_another_digest_is_out_of_date(self, options: dict[str, Any]) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"))
        aws.task_definition("shop:2", container(f"{REPOSITORY}@{SECOND}", label=f"{REPOSITORY}:1"))
        aws.running("main/web", "shop:2")
        assert kept(read_one(aws, deployed_lookup(**options)))[:2] == (f"{REPOSITORY}@{SECOND}", "")

    @pytest.mark.parametrize(
        ("of_stack", "of_script"),
        [
            (container(f"{REPOSITORY}@{SECOND}", label=f"{REPOSITORY}:1"), {}),
            (container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:0"), {}),
            (container(f"{REPOSITORY}@{FIRST}"), {}),
            (container(f"{REPOSITORY}:1", label=f"{REPOSITORY}:1"), {}),
            (container("Not An Image", label=f"{REPOSITORY}:1"), {}),
            (container(f"{REPOSITORY}@{FIRST}", "side", label=f"{REPOSITORY}:1"), {}),
            (
                container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"),
                {"image": f"{REPOSITORY}:1@{SECOND}"},
            ),
        ],
    )
    def test_other_labels_of_scripts_are_written(self, of_stack: Response, of_script: Response) -> None:
        aws = running(of_stack)
        aws.task_definition("shop:2", container(f"{REPOSITORY}@{SECOND}", label=f"{REPOSITORY}:1") | of_script)
        aws.running("main/web", "shop:2")
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:1")

    def test_label_of_the_stack_costs_no_request(self) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}", label=f"{REPOSITORY}:1"))
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}:1")
        assert aws.count("DescribeTaskDefinition") == 1

    def test_record_in_the_metadata_of_the_stack_template(self) -> None:
        image = f"{REPOSITORY}@{FIRST}"
        aws = with_record(running(container(image)), image, f"{REPOSITORY}:1")
        assert kept(read_one(aws, LOOKUP))[:2] == (image, f"{REPOSITORY}:1")
        assert aws.count("GetTemplate") == 1

    def test_record_of_another_digest_is_not_of_the_running_image(self) -> None:
        aws = with_record(running(container(f"{REPOSITORY}@{FIRST}")), f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:1")
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", "")

    def test_record_of_the_branch_with_the_running_image(self) -> None:
        image = {"Fn::If": ["Blue", f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}@{SECOND}"]}
        record = {"Fn::If": ["Blue", f"{REPOSITORY}:1", f"{REPOSITORY}:2"]}
        aws = with_record(running(container(f"{REPOSITORY}@{SECOND}")), image, record)
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2")

    @pytest.mark.parametrize(
        "images", [(f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}@{THIRD}"), (f"{REPOSITORY}@{FIRST}",) * 2]
    )
    def test_record_that_is_another_expression_is_not_known_on_change(self, images: tuple[str, str]) -> None:
        record = {"Fn::If": ["Blue", f"{REPOSITORY}:1", f"{REPOSITORY}:2"]}
        aws = with_record(running(container(f"{REPOSITORY}@{FIRST}")), {"Fn::If": ["Blue", *images]}, record)
        assert "is an expression" in not_known(read_one(aws, deployed_lookup(refresh=Refresh.ON_CHANGE))).cause
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", "")

    def test_records_in_yaml_are_not_read_and_not_known_on_change(self) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}"))
        aws.templates["shop"] = f"Resources: {{Task: {{Metadata: {{image-pinner.source: {{'{PATH}': nginx:1}}}}}}}}"
        cause = not_known(read_one(aws, deployed_lookup(refresh=Refresh.ON_CHANGE))).cause
        assert cause == "the records in the template of stack shop are not read, because it is YAML"
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", "")

    @pytest.mark.parametrize(
        ("names", "first", "second"),
        [
            (["side", "web"], f"{REPOSITORY}:2", f"{REPOSITORY}:1"),
            (["side", {"Ref": "Name"}], "", f"{REPOSITORY}:1"),
            (["side", "other"], "", f"{REPOSITORY}:1"),
            ([{"Ref": "Name"}, "side"], f"{REPOSITORY}:1", f"{REPOSITORY}:2"),
        ],
    )
    def test_record_is_that_of_the_container_with_the_name(self, names: list[object], first: str, second: str) -> None:
        images = [f"{REPOSITORY}@{FIRST}", f"{REPOSITORY}@{SECOND}"]
        by_name = dict(zip(map(str, names), images, strict=True))
        web = by_name.get("web", images[0])
        aws = running(container(web), container(by_name["side"], "side"))
        aws = with_record(aws, "", "")
        task = aws.templates["shop"]["Resources"]["Task"]
        task["Properties"]["ContainerDefinitions"] = [
            {"Name": name, "Image": image} for name, image in zip(names, images, strict=True)
        ]
        second_path = PATH.replace("[0]", "[1]")
        task["Metadata"]["image-pinner.source"] = {PATH: f"{REPOSITORY}:1", second_path: f"{REPOSITORY}:2"}
        side = deployed_lookup("side", Refresh.ON_CHANGE, path=second_path)
        assert kept(read_one(aws, deployed_lookup(refresh=Refresh.ON_CHANGE)))[:2] == (web, first)
        assert kept(read_one(aws, side))[:2] == (by_name["side"], second)

    def test_denied_template_is_not_known(self) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}"))
        aws.fails["GetTemplate"] = error("AccessDenied")
        assert not_known(read_one(aws, LOOKUP)).cause == "cloudformation:GetTemplate is denied in eu-west-1"

    @pytest.mark.parametrize("body", ["Resources: {}", "[]", {"Resources": []}, {}, {"Resources": {"Task": 1}}])
    def test_template_without_records_has_none(self, body: object) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}"))
        aws.templates["shop"] = body
        assert kept(read_one(aws, LOOKUP))[:2] == (f"{REPOSITORY}@{FIRST}", "")

    def test_template_as_text_is_read(self) -> None:
        image = f"{REPOSITORY}@{FIRST}"
        aws = running(container(image))
        with_record(aws, image, f"{REPOSITORY}:1")
        aws.templates["shop"] = json.dumps(aws.templates["shop"])
        assert kept(read_one(aws, LOOKUP))[:2] == (image, f"{REPOSITORY}:1")

    def test_image_outside_of_stacks_has_no_record_there(self) -> None:
        aws = running(container(f"{REPOSITORY}@{FIRST}"))
        lookup = deployed_lookup(named_services=("main/web",), stack_name="")
        assert kept(read_one(aws, lookup))[:2] == (f"{REPOSITORY}@{FIRST}", "")
