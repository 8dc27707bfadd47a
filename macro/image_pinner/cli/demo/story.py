"""The steps of the demo. Everything that it shows is the output of the macro or of the mock of AWS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.demo.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from image_pinner.cli.demo.page import Page
from image_pinner.cli.documents import read_source
from image_pinner.core.template.records import RECORD_KEY
from image_pinner.lambda_macro.handler import Macro

_TAG = "1.4.2"
_NEWER_TAG = "1.5.0"
_PLATFORMS = ("linux/amd64", "linux/arm64")
_STACK = "shop"
_REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop/web"
_VARIABLE = "- { Name: STAGE, Value: prod }\n"
_NEW_VARIABLE = "- { Name: LOG_LEVEL, Value: debug }\n"
Template = Mapping[str, Any]


class UnexpectedError(Exception):
    """The macro did not do what the demo shows."""


@dataclass(frozen=True, slots=True)
class Story:
    """The demo on a mock of AWS."""

    aws: EmbeddedAws
    page: Page
    _resolvers: AwsResolvers = field(default_factory=AwsResolvers)

    def run(self) -> bool:
        """Run all steps, and return whether the macro did what they show; the first other result ends the demo."""
        try:
            self._run()
        except UnexpectedError as error:
            self.page.error(f"unexpected result: {error}")
            return False
        return True

    def _run(self) -> None:
        self.page.text(
            "This demo runs the macro against a mock of AWS in this process. It makes no network requests outside this"
            " machine."
        )
        self.aws.ecs.create_cluster(clusterName="shop")
        known_good = self._deploy_stack()
        released = self._release_outside_the_stack()
        moved = self._change_variable(known_good, released)
        self._override(known_good)
        self._roll_back(released)
        self._pin_other_images(moved)
        self._reject_template()
        self._suggest_commands()

    def _deploy_stack(self) -> str:
        """Return the image that is deployed."""
        self.page.heading("1. Deploy a stack with a pinned image")
        source = _source("service.yaml")
        lines = source.splitlines()
        image = next(line for line in lines if "!PinDigest" in line)
        self.page.code([*lines[lines.index("Transform:") : lines.index("Parameters:") - 1], "  …", image])
        self.page.text(
            "CloudFormation calls the macro before it processes the template. The macro resolves the tag in ECR and"
            " returns the template with the digest. A Docker label records the tag:"
        )
        digest = self.aws.push("shop/web", _TAG, "web build 1", _PLATFORMS)
        template = self._pin(source)
        self.page.diff(_fragment(source), template)
        known_good = f"{_REPOSITORY}@{digest}"
        expected = _container(_fragment(source)) | {"Image": known_good, "DockerLabels": _record(_TAG)}
        _expect("the first deployment", _container(template), expected)
        self.aws.stacks.deploy(self.aws.ecs, _STACK, template)
        return known_good

    def _release_outside_the_stack(self) -> str:
        """Return the image that runs afterwards, with its digest."""
        self.page.heading(f"2. A deployment script releases {_NEWER_TAG} without CloudFormation")
        digest = self.aws.push("shop/web", _NEWER_TAG, "web build 2", _PLATFORMS)
        running = self._service()["taskDefinition"]
        (container,) = self.aws.ecs.describe_task_definition(taskDefinition=running)["taskDefinition"][
            "containerDefinitions"
        ]
        container["image"] = f"{_REPOSITORY}:{_NEWER_TAG}"
        self.aws.ecs.register_task_definition(family="web", containerDefinitions=[container])
        self.aws.ecs.update_service(cluster="shop", service="web", taskDefinition="web")
        self.page.text(
            "The script registers another revision of the task definition and updates the service. ECS resolves the tag"
            " and reports the digest that runs:"
        )
        self._show_running()
        _expect("the script's deployment", self._running()["imageDigest"], str(digest))
        return f"{_REPOSITORY}@{digest}"

    def _change_variable(self, known_good: str, released: str) -> str:
        """Return the image that the tag of the template refers to afterwards."""
        self.page.heading("3. Add an environment variable to the template")
        self.page.code(["Environment:", f"  {_NEW_VARIABLE.strip()}", f"  {_VARIABLE.strip()}"])
        moved = f"{_REPOSITORY}@{self.aws.push('shop/web', _TAG, 'web build 3', _PLATFORMS)}"
        self.page.text(
            f"The template still refers to {_TAG}. Without ImagePinner, this deployment replaces {_NEWER_TAG} with"
            f" {_TAG}. With ImageRefresh=Never, the image that runs is kept:"
        )
        kept = self._show_change("Never", released, _NEWER_TAG)
        self.page.text(
            f"With OnChange, the stack keeps the digest that it deployed, because the template still refers to {_TAG}."
            " Only the variable changes, although the tag has moved to another build:"
        )
        self._show_change("OnChange", known_good)
        self.page.text("With Always, the tag is resolved again:")
        self._show_change("Always", moved)
        self.aws.stacks.deploy(self.aws.ecs, _STACK, kept)
        _expect("the service after the deployment", self._running()["image"], released)
        _expect("the same template again", self._pin(_changed(), ImageRefresh="Never"), kept)
        self.page.text(
            "The stack is updated with Never, and the service keeps its digest. Deploying the template again changes"
            " nothing."
        )
        return moved

    def _show_change(self, refresh: str, image: str, tag: str = _TAG) -> Template:
        before = self.aws.stacks.template(_STACK)
        template = self._pin(_changed(), ImageRefresh=refresh)
        self.page.diff(before, template)
        container = _container(before)
        expected = container | {
            "Environment": [{"Name": "LOG_LEVEL", "Value": "debug"}, *container["Environment"]],
            "Image": image,
            "DockerLabels": _record(tag),
        }
        _expect(f"ImageRefresh={refresh}", _container(template), expected)
        return template

    def _override(self, known_good: str) -> None:
        self.page.heading("4. Emergency override: deploy a known-good digest")
        self.page.code([f"aws cloudformation deploy … --parameter-overrides Image={known_good}"])
        self.page.text("The macro takes an image with a digest as it is written, whatever runs:")
        template = self._pin(_changed(), Image=known_good)
        self.page.diff(self.aws.stacks.template(_STACK), template)
        self.aws.stacks.deploy(self.aws.ecs, _STACK, template)
        _expect("the override", self._running()["image"], known_good)

    def _roll_back(self, released: str) -> None:
        self.page.heading("5. Roll back")
        self.page.text(
            "CloudFormation rolls back to the previous processed template and does not call the macro. The earlier"
            " digest runs again:"
        )
        self.aws.stacks.roll_back(self.aws.ecs, _STACK)
        self._show_running()
        _expect("the rollback", self._running()["image"], released)

    def _pin_other_images(self, moved: str) -> None:
        self.page.heading("6. Pin the marked images of shop.yaml: a service, a sidecar and a function")
        source = _source("shop.yaml")
        self.page.text("A Docker label records the tag in ECS, and the Metadata of the resource elsewhere:")
        proxy = self.aws.push("shop/proxy", "stable", "proxy build 1", _PLATFORMS)
        reports = self.aws.push("shop/reports", _TAG, "reports build 1", _PLATFORMS[:1])
        template = self._pin(source)
        self.page.diff(_fragment(source), template, context=0)
        web, sidecar = template["Resources"]["Web"]["Properties"]["ContainerDefinitions"]
        function = template["Resources"]["Reports"]["Properties"]["Code"]["ImageUri"]
        digests = [image.rpartition("@")[2] for image in (web["Image"], sidecar["Image"], function)]
        _expect("the images of shop.yaml", digests, [moved.rpartition("@")[2], str(proxy), str(reports)])

    def _reject_template(self) -> None:
        self.page.heading("7. Deploy broken.yaml, in which two images cannot be pinned")
        self.page.text("The macro changes nothing, not even the valid image, and reports all problems at once:")
        source = _source("broken.yaml")
        response = self._invoke(source)
        message = response.get("errorMessage", "")
        self.page.error(message)
        reported = [text in message for text in ("shop/proxy:stabel", "Platfrom")]
        _expect("broken.yaml", (reported, response["fragment"]), ([True, True], _fragment(source)))

    def _suggest_commands(self) -> None:
        self.page.heading("Next steps")
        self.page.text("Report the unpinned images of a template. This works offline:")
        self.page.code(["image-pinner check my-template.yaml"])
        self.page.text("Print the template with all images pinned, using your AWS credentials:")
        self.page.code(["image-pinner pin --pin All my-template.yaml"])
        self.page.text("Mark the images, and see in CI what the macro will do:")
        self.page.code(["image-pinner pin --parameter Tag=1.4.2 my-template.yaml > pinned.yaml"])

    def _pin(self, source: str, **parameters: str) -> Template:
        """Return the processed template."""
        response = self._invoke(source, **parameters)
        if response["status"] != "success":
            raise UnexpectedError(response["errorMessage"])
        fragment: Template = response["fragment"]
        return fragment

    def _invoke(self, source: str, **parameters: str) -> dict[str, Any]:
        macro = Macro.on_aws(self._resolvers, os.environ, lambda _: None)  # the log record is not part of the demo
        return macro.answer(_event(source, parameters), None)

    def _service(self) -> dict[str, Any]:
        service: dict[str, Any] = self.aws.ecs.describe_services(cluster="shop", services=["web"])["services"][0]
        return service

    def _running(self) -> dict[str, str]:
        """Return the image that the service runs as ECS reports it."""
        arns = [revision["arn"] for revision in self._service()["currentServiceRevisions"]]
        (revision,) = self.aws.ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
        image: dict[str, str] = revision["containerImages"][0]
        return image

    def _show_running(self) -> None:
        self.page.json(self._running())


def _expect(claim: str, actual: Any, expected: Any) -> None:
    if actual != expected:
        raise UnexpectedError(f"{claim}: expected {expected}, got {actual}")


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _changed() -> str:
    """Return service.yaml with another environment variable."""
    source = _source("service.yaml")
    start = source.index(_VARIABLE)
    indent = source[source.rindex("\n", 0, start) + 1 : start]
    return source.replace(_VARIABLE, f"{_NEW_VARIABLE}{indent}{_VARIABLE}")


def _record(tag: str) -> dict[str, str]:
    return {RECORD_KEY: f"{_REPOSITORY}:{tag}"}


def _container(template: Template) -> dict[str, Any]:
    container: dict[str, Any] = template["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]
    return container


def _fragment(source: str) -> dict[str, Any]:
    return {key: value for key, value in _tree(source).items() if key != "Transform"}


def _tree(source: str) -> Template:
    return read_source(source.encode(), "template").tree


def _event(source: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Return the event of CloudFormation for a template; it evaluates the Parameters of the Transform."""
    fragment = _fragment(source)
    values = {key: value["Default"] for key, value in fragment.get("Parameters", {}).items()} | parameters
    transform = _tree(source)["Transform"]
    options = {} if isinstance(transform, str) else transform[0]["Parameters"]
    return {
        "region": REGION,
        "accountId": ACCOUNT,
        "fragment": fragment,
        "transformId": f"{ACCOUNT}::ImagePinner",
        "params": {name: {"AWS::StackName": _STACK, **values}[option["Ref"]] for name, option in options.items()},
        "requestId": "00000000-0000-0000-0000-000000000000",
        "templateParameterValues": values,
    }
