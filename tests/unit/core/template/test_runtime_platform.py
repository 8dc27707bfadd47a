from __future__ import annotations

from typing import Any

import pytest

from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Unknown
from image_pinner.core.template.locations import PlatformSource, image_locations
from image_pinner.core.template.runtime_platform import infer_platform

AMD, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")
NO_VALUE = {"Ref": "AWS::NoValue"}
SCOPE = Scope(
    parameters={
        "Arch": {"Type": "String", "Default": "ARM64"},
        "Archs": {"Type": "CommaDelimitedList", "Default": "arm64"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/arch"},
    },
    conditions={
        "Yes": {"Fn::Equals": ["a", "a"]},
        "No": {"Fn::Equals": ["a", "b"]},
        "Open": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "a"]},
    },
)


def source_of(resource_type: str) -> PlatformSource:
    source = image_locations()[resource_type][0].platform
    assert source is not None
    return source


def of_ecs(runtime: Any) -> Platform | Unknown | None:
    return infer_platform(source_of("AWS::ECS::TaskDefinition"), {"RuntimePlatform": runtime}, {}, SCOPE)


def of_lambda(properties: Any, template: Any = None) -> Platform | Unknown | None:
    return infer_platform(source_of("AWS::Serverless::Function"), properties, template or {}, SCOPE)


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        ({"CpuArchitecture": "MIPS"}, "unknown architecture 'MIPS'"),
        ({"CpuArchitecture": 5}, "unknown architecture 5"),
        ({"CpuArchitecture": {"a": 1}}, "unknown architecture {'a': 1}"),
        ({"OperatingSystemFamily": "PLAN9"}, "unknown operating system 'PLAN9'"),
        (
            {"CpuArchitecture": {"Ref": "AWS::StackName"}},
            "the runtime platform is unknown: AWS::StackName is unknown",
        ),
        ({"CpuArchitecture": {"Ref": "Stored"}}, "the runtime platform is an external value, which is not looked up"),
        ({"Ref": "Arch"}, "it is the result of Ref"),
        ({"Fn::If": ["Open", {"CpuArchitecture": "ARM64"}, NO_VALUE]}, "the runtime platform depends on a condition"),
        ({"CpuArchitecture": {"Fn::If": ["Open", "ARM64", "X86_64"]}}, "the runtime platform depends on a condition"),
    ],
)
def test_a_platform_that_cannot_be_inferred_is_unknown_with_the_reason(runtime: Any, reason: str) -> None:
    found = of_ecs(runtime)
    assert isinstance(found, Unknown)
    assert found.reason.startswith(reason)
    assert found.help.startswith("set Platform=os/architecture")


@pytest.mark.parametrize(
    "runtime",
    [
        None,
        {},
        [],
        "text",
        NO_VALUE,
        {"Other": 1},
        {"CpuArchitecture": None},
        {"CpuArchitecture": NO_VALUE},
        {"CpuArchitecture": {"Fn::FindInMap": ["No", "a", "b", {"DefaultValue": NO_VALUE}]}},
    ],
)
def test_without_platform_settings_any_platform_is_accepted(runtime: Any) -> None:
    assert of_ecs(runtime) is None


@pytest.mark.parametrize("properties", [None, [], "text", {}, 5])
def test_properties_of_any_shape_do_not_raise(properties: Any) -> None:
    assert infer_platform(source_of("AWS::ECS::TaskDefinition"), properties, {}, SCOPE) is None


@pytest.mark.parametrize(
    ("runtime", "platform"),
    [
        ({"CpuArchitecture": "ARM64"}, ARM64),
        ({"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}, AMD),
        ({"OperatingSystemFamily": "LINUX"}, AMD),
        ({"CpuArchitecture": {"Ref": "Arch"}}, ARM64),
        ({"CpuArchitecture": {"Fn::If": ["No", "X86_64", "ARM64"]}}, ARM64),
        ({"Fn::If": ["Yes", {"CpuArchitecture": "ARM64"}, NO_VALUE]}, ARM64),
        ({"OperatingSystemFamily": "WINDOWS_SERVER_2019_CORE"}, Platform("windows", "amd64", os_version="10.0.17763")),
        ({"OperatingSystemFamily": "WINDOWS_SERVER_2022_FULL"}, Platform("windows", "amd64", os_version="10.0.20348")),
        ({"OperatingSystemFamily": "WINDOWS_SERVER_2077_FULL"}, Platform("windows", "amd64")),
    ],
)
def test_the_platform_of_a_task_is_inferred(runtime: Any, platform: Platform) -> None:
    assert of_ecs(runtime) == platform


@pytest.mark.parametrize(
    ("properties", "platform"),
    [
        ({"Architectures": [NO_VALUE, "arm64"]}, ARM64),
        ({"Architectures": [{"Fn::If": ["No", "x86_64", NO_VALUE]}, "arm64"]}, ARM64),
        ({"Architectures": [{"Fn::If": ["Yes", "arm64", NO_VALUE]}, "x86_64"]}, ARM64),
        ({"Architectures": [{"Fn::If": ["No", "x86_64", {"Fn::If": ["Yes", NO_VALUE, "x86_64"]}]}, "arm64"]}, ARM64),
        ({"Architectures": [NO_VALUE]}, AMD),
        ({}, AMD),
        ({"Architectures": []}, AMD),
        ({"Architectures": NO_VALUE}, AMD),
        ({"Architectures": ["arm64"]}, ARM64),
        ({"Architectures": ["x86_64"]}, AMD),
        ({"Architectures": {"Ref": "Archs"}}, ARM64),
        ({"Architectures": {"Fn::If": ["Yes", ["arm64"], ["x86_64"]]}}, ARM64),
        ({"Architectures": [{"Fn::If": ["No", "x86_64", "arm64"]}]}, ARM64),
    ],
)
def test_the_platform_of_a_function_is_inferred_or_the_default_of_the_service(
    properties: Any, platform: Platform
) -> None:
    assert of_lambda(properties) == platform


def test_the_template_default_applies_to_its_functions() -> None:
    template = {"Globals": {"Function": {"Architectures": ["arm64"]}}}
    assert of_lambda({}, template) == ARM64
    assert of_lambda({"Architectures": ["x86_64"]}, template) == AMD


def of_task(properties: Any) -> Platform | Unknown | None:
    return infer_platform(source_of("AWS::ECS::TaskDefinition"), properties, {}, SCOPE)


@pytest.mark.parametrize(
    "compatibilities",
    [None, [], ["EC2"], {"Ref": "AWS::NoValue"}, {"Ref": "AWS::StackName"}, [{"Ref": "AWS::StackName"}]],
)
def test_a_task_that_is_not_for_fargate_has_no_default_platform(compatibilities: Any) -> None:
    properties = {} if compatibilities is None else {"RequiresCompatibilities": compatibilities}
    assert of_task(properties) is None


@pytest.mark.parametrize(
    "compatibilities", [["FARGATE"], ["EC2", "FARGATE"], [{"Ref": "AWS::StackName"}, "FARGATE"], {"Ref": "Launch"}]
)
def test_a_task_for_fargate_defaults_to_x86(compatibilities: Any) -> None:
    scope = Scope(parameters={"Launch": {"Type": "CommaDelimitedList", "Default": "FARGATE,EC2"}})
    source = source_of("AWS::ECS::TaskDefinition")
    assert infer_platform(source, {"RequiresCompatibilities": compatibilities}, {}, scope) == AMD


def test_the_runtime_platform_of_a_fargate_task_overrides_the_default() -> None:
    properties = {"RequiresCompatibilities": ["FARGATE"], "RuntimePlatform": {"CpuArchitecture": "ARM64"}}
    assert of_task(properties) == ARM64


def test_a_bedrock_agent_always_runs_on_arm64() -> None:
    assert infer_platform(source_of("AWS::BedrockAgentCore::Runtime"), {}, {}, SCOPE) == ARM64


def of_batch(property_path: int, steps: tuple[str | int, ...], properties: Any) -> Platform | Unknown | None:
    location = image_locations()["AWS::Batch::JobDefinition"][property_path]
    assert location.platform is not None
    return infer_platform(location.platform.of_image(steps), properties, {}, SCOPE)


def test_each_range_of_nodes_has_its_own_platform() -> None:
    ranges = [{"Container": {"RuntimePlatform": {"CpuArchitecture": name}}} for name in ("ARM64", "X86_64")]
    properties = {"NodeProperties": {"NodeRangeProperties": [*ranges, {"Container": {}}]}}
    steps = [("NodeProperties", "NodeRangeProperties", number, "Container", "Image") for number in range(3)]
    assert [of_batch(1, step, properties) for step in steps] == [ARM64, AMD, None]


def test_the_branch_of_a_condition_is_not_the_index_of_a_task() -> None:
    tasks = [{"RuntimePlatform": {"CpuArchitecture": "ARM64"}}]
    properties = {"EcsProperties": {"TaskProperties": {"Fn::If": ["Yes", tasks, NO_VALUE]}}}
    steps = ("EcsProperties", "TaskProperties", "Fn::If", 1, 0, "Containers", 3, "Image")
    assert of_batch(2, steps, properties) == ARM64
