"""Application stacks get digests: example templates, all parameter types, nested stacks, rollback."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from build_package.build import Package
from e2e.engine.access import HOST
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.engine.ministack import Ministack
from e2e.installed_macro import installed
from e2e.macro_stack import BUCKET, upload
from e2e.stacks import StackFailedError, Stacks

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("macro")]

_ROLE = "arn:aws:iam::000000000000:role/of-the-task"
# Each template with its values, and the repositories that are pinned.
TEMPLATES = {
    "app-runner-service.yaml": ({"AccessRoleArn": _ROLE}, ["shop/web"]),
    "batch-job.yaml": ({"ExecutionRoleArn": _ROLE}, ["shop/nightly"]),
    "bedrock-agentcore-runtime.yaml": ({"RoleArn": _ROLE}, ["shop/assistant"]),
    "break-glass.yaml": ({}, ["shop/web"]),
    "codebuild-projects.yaml": ({"ServiceRoleArn": _ROLE}, ["shop/build-tools"]),
    "ecr-repository-first-deploy.yaml": ({"ExecutionRoleArn": _ROLE}, []),
    "ecs-scheduled-task.json": (
        {"ClusterArn": "arn:aws:ecs:eu-central-1:000000000000:cluster/shop", "EventsRoleArn": _ROLE},
        ["shop/reports"],
    ),
    "emr-serverless-application.yaml": ({}, ["shop/spark", "shop/spark-driver"]),
    "lambda-function.yaml": ({}, ["shop/reports"]),
    "sagemaker-model.yaml": ({"ExecutionRoleArn": _ROLE}, ["shop/features", "shop/ranking"]),
    "sam-function.yaml": ({}, ["shop/reports"]),
}
# An SSM parameter has the deployed image, which a test reads with one request.
PARAMETER_APP = f"""
Transform: ImagePinner
Parameters:
  Tag: {{Type: String, Default: "1"}}
  Broken: {{Type: String, Default: "no"}}
Conditions:
  IsBroken: !Equals [!Ref Broken, "yes"]
Resources:
  Carrier:
    Type: AWS::SSM::Parameter
    Properties: {{Type: String, Name: /deployed/NAME, Value: !Sub "!PinDigest {HOST}/NAME/web:${{Tag}}"}}
  Later:
    Type: AWS::Lambda::Function
    Condition: IsBroken
    DependsOn: Carrier
    Properties:
      Runtime: python3.13
      Handler: module.handler
      Role: {_ROLE}
      Code: {{S3Bucket: nobody-has-this-bucket, S3Key: nothing.zip}}
"""
TYPES = """
Transform: ImagePinner
Parameters:
  Text: {Type: String, Default: types/web}
  Number: {Type: Number, Default: 1}
  Texts: {Type: CommaDelimitedList, Default: "1,2"}
  Numbers: {Type: List<Number>, Default: "3,1"}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /shop/tag}
  StoredList: {Type: "AWS::SSM::Parameter::Value<List<String>>", Default: /shop/tags}
  Name: {Type: "AWS::SSM::Parameter::Name", Default: /shop/tag}
Mappings: {Hosts: {all: {ecr: HOST}}}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Ref Name
      ContainerDefinitions:
        - {Name: number, Image: !Sub "!PinDigest HOST/${Text}:${Number}"}
        - {Name: texts, Image: !Sub ["!PinDigest HOST/${Text}:${One}", {One: !Select [1, !Ref Texts]}]}
        - {Name: numbers, Image: !Sub ["!PinDigest HOST/${Text}:${One}", {One: !Select [0, !Ref Numbers]}]}
        - {Name: stored, Image: !Sub "!PinDigest HOST/${Text}:${Stored}"}
        - {Name: stored-list, Image: !Sub ["!PinDigest HOST/${Text}:${One}", {One: !Select [1, !Ref StoredList]}]}
""".replace("HOST", HOST)


@pytest.fixture(scope="module")
def macro(running_engine: Engine, package: Package) -> Iterator[None]:
    stored = "arn:aws:ssm:eu-central-1:000000000000:parameter/shop/*"
    paths = "$.Resources.Carrier.Properties.Value"
    # One of the templates sets KeepTag, which is looser than Fail.
    rules = {"WhenMissing": "KeepTag", "ImagePaths": paths, "SsmParameterArns": stored}
    ssm = running_engine.client("ssm")
    ssm.put_parameter(Name="/shop/tag", Value="1", Type="String")
    ssm.put_parameter(Name="/shop/tags", Value="1,3", Type="StringList")
    with installed(running_engine, package, "macro-of-applications", **rules):
        yield
    ssm.delete_parameters(Names=["/shop/tag", "/shop/tags"])


@pytest.fixture
def stacks(engine: Engine) -> Stacks:
    return Stacks(engine)


def _deployed(engine: Engine, name: str) -> str:
    return str(engine.client("ssm").get_parameter(Name=f"/deployed/{name}")["Parameter"]["Value"])


def _images(template: dict) -> dict[str, str]:
    task = template["Resources"]["Task"]["Properties"]
    return {container["Name"]: container["Image"] for container in task["ContainerDefinitions"]}


def _container(image: str, top: str = "Transform: ImagePinner") -> str:
    return (
        f"{top}\nResources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n"
        f"      ContainerDefinitions: [{{Name: web, Image: {image}}}]\n"
    )


FAILURES = {
    "missing": ("'!PinDigest WhenMissing=Fail HOST/failing/web:never'", "never"),
    "option": ("'!PinDigest When=Never HOST/failing/web:1'", "When"),
    "platform": ("'!PinDigest Platform=linux/s390x HOST/failing/web:1'", "linux/s390x"),
    "reference": ("'!PinDigest HOST/failing/WEB:1'", "WEB"),
    "repository": ("'!PinDigest WhenMissing=Fail HOST/nobody/made:1'", "nobody/made"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_in_the_events_with_its_path(stacks: Stacks, ministack: Ministack, name: str) -> None:
    image, cause = FAILURES[name]
    ministack.push("failing/web", "1", "amd64-and-arm64", architectures=("amd64", "arm64"))
    with pytest.raises(StackFailedError):
        stacks.create(f"failing-{name}", _container(image.replace("HOST", HOST)))
    reasons = " ".join(stacks.reasons(f"failing-{name}"))
    path = "Resources.Task.Properties.ContainerDefinitions[0].Image: "
    assert f"Transform 000000000000::ImagePinner failed with: {path}" in reasons
    assert cause in reasons
    stacks.delete(f"failing-{name}")


def test_a_change_set_whose_macro_fails_has_the_reason_and_changes_nothing(
    engine: Engine, stacks: Stacks, ministack: Ministack
) -> None:
    digest = ministack.push("refusing/web", "1", "first")
    template = PARAMETER_APP.replace("NAME", "refusing")
    stacks.create("refusing", template)
    with pytest.raises(StackFailedError, match=r"ImagePinner failed with: .*refusing/WEB"):
        stacks.change_set("refusing", template.replace("/web:", "/WEB:"))
    assert _deployed(engine, "refusing") == f"{HOST}/refusing/web@{digest}"
    stacks.delete("refusing")


def test_a_no_echo_parameter_in_an_image_is_rejected(stacks: Stacks, ministack: Ministack) -> None:
    ministack.push("types/web", "1", "one")
    with pytest.raises(StackFailedError, match="the parameter 'Text' has NoEcho"):
        stacks.create("secret", TYPES.replace("Text: {Type", "Text: {NoEcho: true, Type"))
    stacks.delete("secret")


def test_parameters_of_all_types_arrive(stacks: Stacks, ministack: Ministack) -> None:
    digests = {tag: ministack.push("types/web", tag, tag) for tag in ("1", "2", "3")}
    stacks.create("types", TYPES)
    tags = {"number": "1", "texts": "2", "numbers": "3", "stored": "1", "stored-list": "3"}
    assert _images(stacks.processed("types")) == {
        name: f"{HOST}/types/web@{digests[tag]}" for name, tag in tags.items()
    }
    stacks.delete("types")
    # Created again: the engine cannot select from a list of numbers in an update.
    stacks.create("types", TYPES, {"Number": "2", "Texts": "2,3", "Numbers": "1,2"})
    changed = {**tags, "number": "2", "texts": "3", "numbers": "1"}
    assert _images(stacks.processed("types")) == {
        name: f"{HOST}/types/web@{digests[tag]}" for name, tag in changed.items()
    }
    stacks.delete("types")


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_example_template_is_deployed_with_digests(stacks: Stacks, ministack: Ministack, name: str) -> None:
    values, repositories = TEMPLATES[name]
    digests = {}
    for repository in repositories:
        for tag in ("1.4.2", "2026.11"):
            # Some of them are for one platform, which depends on their resources.
            one = ("amd64",) if name.startswith(("sagemaker", "codebuild")) else ("amd64", "arm64")
            digests[repository] = ministack.push(repository, tag, f"{name} {repository}", architectures=one)
    stack = name.partition(".")[0]
    stacks.create(stack, (ROOT / "templates" / name).read_text("utf-8"), values)
    processed = json.dumps(stacks.processed(stack))
    for repository in repositories:
        assert f"{HOST}/{repository}@sha256:" in processed
    if name.startswith(("break", "batch", "ecs")):
        assert all(digest in processed for digest in digests.values())
    assert "!PinDigest" not in processed
    stacks.delete(stack)


def test_an_update_that_fails_is_rolled_back_to_the_old_digest(
    engine: Engine, stacks: Stacks, ministack: Ministack
) -> None:
    template = PARAMETER_APP.replace("NAME", "returning")
    old = ministack.push("returning/web", "1", "old")
    stacks.create("returning", template)
    assert _deployed(engine, "returning") == f"{HOST}/returning/web@{old}"
    new = ministack.push("returning/web", "1", "new")
    runs = len(engine.invocations())
    with pytest.raises(StackFailedError, match="UPDATE_ROLLBACK_COMPLETE"):
        stacks.update("returning", template, {"Broken": "yes"})
    # The new digest had been deployed; the rollback does not call the macro.
    assert len(engine.invocations()) == runs + 1
    assert _deployed(engine, "returning") == f"{HOST}/returning/web@{old}"
    assert old in json.dumps(stacks.processed("returning"))
    stacks.update("returning", template, {"Broken": "no"})
    assert _deployed(engine, "returning") == f"{HOST}/returning/web@{new}"
    stacks.delete("returning")
    assert "/deployed/returning" not in [
        one["Name"] for one in engine.client("ssm").describe_parameters()["Parameters"]
    ]


def test_a_change_set_shows_both_digests_and_a_stack_is_created_by_one_too(
    engine: Engine, stacks: Stacks, ministack: Ministack
) -> None:
    template = PARAMETER_APP.replace("NAME", "showing")
    old = ministack.push("showing/web", "1", "old")
    stacks.create("showing", template)
    new = ministack.push("showing/web", "1", "new")
    shown = stacks.change_set("showing", template)
    change = shown["Changes"][0]["ResourceChange"]
    before, after = json.dumps(change.get("BeforeContext")), json.dumps(change.get("AfterContext"))
    assert (old in before, new in after) == (True, True)
    assert _deployed(engine, "showing") == f"{HOST}/showing/web@{old}"
    stacks.execute("showing")
    assert _deployed(engine, "showing") == f"{HOST}/showing/web@{new}"
    stacks.delete("showing")


def test_a_nested_stack_has_digests_of_its_own(engine: Engine, stacks: Stacks, ministack: Ministack) -> None:
    digests = {tag: ministack.push("nested/web", tag, tag) for tag in ("1", "2")}
    upload(engine, "child.yaml", PARAMETER_APP.replace("NAME", "nested").encode())
    properties = {"TemplateURL": f"{engine.url}/{BUCKET}/child.yaml", "Parameters": {"Tag": {"Ref": "Tag"}}}
    parent = json.dumps(
        {
            "Parameters": {"Tag": {"Type": "String"}},
            "Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": properties}},
        }
    )
    cloudformation = engine.client("cloudformation")
    stacks.create("parent", parent, {"Tag": "1"})
    child = cloudformation.describe_stack_resources(StackName="parent")["StackResources"][0]["PhysicalResourceId"]
    assert digests["1"] in json.dumps(stacks.processed(child))
    assert _deployed(engine, "nested") == f"{HOST}/nested/web@{digests['1']}"
    stacks.update("parent", parent, {"Tag": "2"})
    assert digests["2"] in json.dumps(stacks.processed(child))
    assert _deployed(engine, "nested") == f"{HOST}/nested/web@{digests['2']}"
    stacks.delete("parent")


def test_the_reason_of_a_failed_nested_stack_is_in_the_events_of_its_parent(
    engine: Engine, stacks: Stacks, ministack: Ministack
) -> None:
    ministack.push("nested-wrong/web", "1", "one")
    upload(engine, "wrong.yaml", _container(f"'!PinDigest {HOST}/nested-wrong/WEB:1'").encode())
    properties = {"TemplateURL": f"{engine.url}/{BUCKET}/wrong.yaml"}
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": properties}
    with pytest.raises(StackFailedError, match=r"Embedded stack .* was not successfully created: .*ImagePinner failed"):
        stacks.create("wrong-parent", json.dumps({"Resources": {"Child": child}}))
