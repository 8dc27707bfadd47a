from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any

import pytest

from image_pinner.core.images.platforms import Platform
from image_pinner.core.template.locations import ImageLocation, image_locations, snippet_locations
from image_pinner.core.template.paths import Field, PathStep

# An image that each pattern accepts without a marker.
IMAGES = ("111122223333.dkr.ecr.us-east-1.amazonaws.com/app:1", "public.ecr.aws/shop/app:1")
# Every writable property that the resource schemas of CloudFormation and the service models document as an image.
PATHS = {
    "AWS::ECS::TaskDefinition": {"$.ContainerDefinitions[*].Image"},
    "AWS::ECS::DaemonTaskDefinition": {"$.ContainerDefinitions[*].Image"},
    "AWS::ECS::ExpressGatewayService": {"$.PrimaryContainer.Image"},
    "AWS::Lambda::Function": {"$.Code.ImageUri"},
    "AWS::Serverless::Function": {"$.ImageUri"},
    "AWS::Batch::JobDefinition": {
        "$.ContainerProperties.Image",
        "$.NodeProperties.NodeRangeProperties[*].Container.Image",
        "$.EcsProperties.TaskProperties[*].Containers[*].Image",
        "$.NodeProperties.NodeRangeProperties[*].EcsProperties.TaskProperties[*].Containers[*].Image",
        "$.EksProperties.PodProperties.Containers[*].Image",
        "$.EksProperties.PodProperties.InitContainers[*].Image",
        "$.NodeProperties.NodeRangeProperties[*].EksProperties.PodProperties.Containers[*].Image",
        "$.NodeProperties.NodeRangeProperties[*].EksProperties.PodProperties.InitContainers[*].Image",
    },
    "AWS::AppRunner::Service": {"$.SourceConfiguration.ImageRepository.ImageIdentifier"},
    "AWS::BedrockAgentCore::Runtime": {"$.AgentRuntimeArtifact.ContainerConfiguration.ContainerUri"},
    "AWS::CodeBuild::Project": {"$.Environment.Image"},
    "AWS::EMRServerless::Application": {
        "$.ImageConfiguration.ImageUri",
        "$.WorkerTypeSpecifications.*.ImageConfiguration.ImageUri",
    },
    "AWS::GameLift::ContainerGroupDefinition": {
        "$.GameServerContainerDefinition.ImageUri",
        "$.SupportContainerDefinitions[*].ImageUri",
    },
    "AWS::Lightsail::Container": {"$.ContainerServiceDeployment.Containers[*].Image"},
    "AWS::ImageBuilder::ContainerRecipe": {"$.ParentImage"},
    "AWS::IoTAnalytics::Dataset": {"$.Actions[*].ContainerAction.Image"},
    "AWS::RoboMaker::RobotApplication": {"$.Environment"},
    "AWS::RoboMaker::SimulationApplication": {"$.Environment"},
    "AWS::CleanRoomsML::ConfiguredModelAlgorithm": {
        "$.TrainingContainerConfig.ImageUri",
        "$.InferenceContainerConfig.ImageUri",
    },
    "AWS::SageMaker::Model": {"$.PrimaryContainer.Image", "$.Containers[*].Image"},
    "AWS::SageMaker::InferenceComponent": {"$.Specification.Container.Image"},
    "AWS::SageMaker::ModelPackage": {
        "$.InferenceSpecification.Containers[*].Image",
        "$.AdditionalInferenceSpecifications[*].Containers[*].Image",
        "$.AdditionalInferenceSpecificationsToAdd[*].Containers[*].Image",
    },
    "AWS::SageMaker::ImageVersion": {"$.BaseImage"},
    "AWS::SageMaker::ProcessingJob": {"$.AppSpecification.ImageUri"},
    "AWS::SageMaker::DataQualityJobDefinition": {"$.DataQualityAppSpecification.ImageUri"},
    "AWS::SageMaker::ModelBiasJobDefinition": {"$.ModelBiasAppSpecification.ImageUri"},
    "AWS::SageMaker::ModelExplainabilityJobDefinition": {"$.ModelExplainabilityAppSpecification.ImageUri"},
    "AWS::SageMaker::ModelQualityJobDefinition": {"$.ModelQualityAppSpecification.ImageUri"},
    "AWS::SageMaker::MonitoringSchedule": {
        "$.MonitoringScheduleConfig.MonitoringJobDefinition.MonitoringAppSpecification.ImageUri"
    },
    "AWS::SageMaker::ModelCard": {
        "$.Content.ModelOverview.InferenceEnvironment.ContainerImage[*]",
        "$.Content.TrainingDetails.TrainingJobDetails.TrainingEnvironment.ContainerImage[*]",
        "$.Content.ModelPackageDetails.InferenceSpecification.Containers[*].Image",
    },
    "AWS::Omics::Workflow": {
        "$.ContainerRegistryMap.ImageMappings[*].SourceImage",
        "$.ContainerRegistryMap.ImageMappings[*].DestinationImage",
    },
    "AWS::Omics::WorkflowVersion": {
        "$.ContainerRegistryMap.ImageMappings[*].SourceImage",
        "$.ContainerRegistryMap.ImageMappings[*].DestinationImage",
    },
}
PATHS["AWS::GammaDilithium::JobDefinition"] = PATHS["AWS::Batch::JobDefinition"]
# The maximum number of characters of the whole value, where the schema or the documentation has one.
LIMITS = {
    "AWS::Batch::JobDefinition": 255,
    "AWS::GammaDilithium::JobDefinition": 255,
    "AWS::AppRunner::Service": 1024,
    "AWS::BedrockAgentCore::Runtime": 1024,
    "AWS::EMRServerless::Application": 1024,
    "AWS::GameLift::ContainerGroupDefinition": 255,
    "AWS::ImageBuilder::ContainerRecipe": 1024,
    "AWS::IoTAnalytics::Dataset": 255,
    "AWS::SageMaker::Model": 255,
    "AWS::SageMaker::InferenceComponent": 255,
    "AWS::SageMaker::ModelPackage": 255,
    "AWS::SageMaker::ImageVersion": 255,
    "AWS::SageMaker::ProcessingJob": 256,
    "AWS::SageMaker::DataQualityJobDefinition": 255,
    "AWS::SageMaker::ModelBiasJobDefinition": 255,
    "AWS::SageMaker::ModelExplainabilityJobDefinition": 255,
    "AWS::SageMaker::ModelQualityJobDefinition": 255,
    "AWS::SageMaker::MonitoringSchedule": 255,
    "AWS::Omics::Workflow": 750,
    "AWS::Omics::WorkflowVersion": 750,
}
ALL = [location for locations in image_locations().values() for location in locations]


def only(resource_type: str) -> ImageLocation:
    (location,) = image_locations()[resource_type]
    return location


def test_every_property_that_holds_an_image_is_known_and_no_other() -> None:
    found = {kind: [location.path for location in locations] for kind, locations in image_locations().items()}
    assert {kind: set(paths) for kind, paths in found.items()} == PATHS
    assert all(len(paths) == len(set(paths)) for paths in found.values())


@pytest.mark.parametrize("location", ALL, ids=lambda location: f"{location.resource_type} {location.path}")
def test_a_location_names_its_documentation_and_has_a_path_that_is_followed(location: ImageLocation) -> None:
    assert location.link.startswith("https://docs.aws.amazon.com/")
    assert location.steps
    assert isinstance(location.steps[0], Field)
    assert location.key in location.path


@pytest.mark.parametrize("location", ALL, ids=lambda location: f"{location.resource_type} {location.path}")
def test_a_location_has_the_limit_of_its_service(location: ImageLocation) -> None:
    if location.path == "$.Content.ModelPackageDetails.InferenceSpecification.Containers[*].Image":
        assert location.limit == 255
    elif location.resource_type == "AWS::SageMaker::ModelCard":
        assert location.limit == 1024
    else:
        assert location.limit == LIMITS.get(location.resource_type, 0)
    assert location.limit_name == (255 if location.resource_type.startswith("AWS::ECS::") else 0)


def test_only_lambda_and_sagemaker_hosting_accept_no_index() -> None:
    refusing = {location.resource_type for location in ALL if not location.index_allowed}
    assert refusing == {
        "AWS::Lambda::Function",
        "AWS::Serverless::Function",
        "AWS::SageMaker::Model",
        "AWS::SageMaker::InferenceComponent",
    }
    # A snippet under the name Image is in ECS more often than not, which accepts an index.
    assert snippet_locations()["Image"].index_allowed
    assert not snippet_locations()["ImageUri"].index_allowed


@pytest.mark.parametrize("resource_type", ["AWS::Lambda::Function", "AWS::Serverless::Function"])
def test_a_location_that_accepts_no_index_has_a_default_platform(resource_type: str) -> None:
    platform = only(resource_type).platform
    assert platform is not None
    assert Platform.parse(platform.default) == Platform("linux", "amd64")


def test_clean_rooms_ml_accepts_tags_only() -> None:
    refused = {location.resource_type for location in ALL if location.refused}
    assert refused == {"AWS::CleanRoomsML::ConfiguredModelAlgorithm"}


def test_images_of_the_services_themselves_are_known_by_their_beginning() -> None:
    managed = {location.resource_type: location.managed for location in ALL if location.managed}
    assert managed == {
        "AWS::CodeBuild::Project": ("aws/codebuild/",),
        "AWS::ImageBuilder::ContainerRecipe": ("arn:*:imagebuilder:*:aws:image/",),
    }


def test_images_that_are_not_references_are_known_by_their_beginning() -> None:
    others = {location.resource_type: location.other_forms for location in ALL if location.other_forms}
    assert others == {"AWS::Lightsail::Container": (":",), "AWS::ImageBuilder::ContainerRecipe": ("arn:",)}


def test_only_ecs_records_the_reference_in_a_label() -> None:
    labels = {location.resource_type: location.label_key for location in ALL if location.label_key}
    assert labels == {"AWS::ECS::TaskDefinition": "DockerLabels"}


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("$.ContainerDefinitions[*].Image", "Image"),
        ("$.Environment", "Environment"),
        ("$.A.ContainerImage[*]", "ContainerImage"),
    ],
)
def test_the_key_is_the_last_field_of_the_path(path: str, key: str) -> None:
    assert ImageLocation("", path).key == key


def test_the_data_file_has_no_unknown_field() -> None:
    import tomllib  # noqa: PLC0415 - only here

    text = resources.files("image_pinner.core.template").joinpath("image_locations.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["location"]
    known = {"types", "paths", *ImageLocation._fields} - {"resource_type", "path"}
    assert all(set(row) <= known for row in rows)


def test_a_snippet_knows_every_name_that_an_image_can_have_but_environment() -> None:
    # A container's Environment is a list of variables in most services.
    keys = {location.key for location in ALL if not location.refused}
    assert set(snippet_locations()) == keys - {"Environment"}


def test_a_snippet_has_the_strictest_location_of_a_name() -> None:
    assert snippet_locations()["Image"].index_allowed
    assert not snippet_locations()["ImageUri"].index_allowed
    assert all(not location.label_key and not location.resource_type for location in snippet_locations().values())


def test_only_these_services_are_known_to_accept_a_tag_with_a_digest() -> None:
    accepting = {name for name, found in image_locations().items() if any(place.tag_with_digest for place in found)}
    assert accepting == {"AWS::ECS::TaskDefinition", "AWS::BedrockAgentCore::Runtime"}


def _pattern_of(schema: Any, steps: Iterable[PathStep]) -> str:
    def resolved(part: Any) -> Any:
        while "$ref" in part:
            _, _, name = part["$ref"].split("/")
            part = schema["definitions"][name]
        return part

    part = resolved(schema)
    for step in steps:
        if isinstance(step, Field):
            part = part["properties"][step.name]
        else:
            part = part["items"] if "items" in part else next(iter(part["patternProperties"].values()))
        part = resolved(part)
    return str(part.get("pattern", ""))


def _schemas() -> Iterator[tuple[ImageLocation, Any]]:
    """Yield the locations that CloudFormation has a resource schema for, as cfn-lint ships them."""
    schemas = resources.files("cfnlint") / "data" / "schemas"
    hashes = json.loads((schemas / "providers" / "us-east-1.json").read_text("utf-8"))
    for location in ALL:
        if location.resource_type in hashes:
            name = f"{hashes[location.resource_type]}.json"
            yield location, json.loads((schemas / "resources" / name).read_text("utf-8"))


def test_replacement_is_set_where_the_schemas_of_cfn_lint_do() -> None:
    found = {}
    for location, schema in _schemas():
        path = "/properties/" + location.path.removeprefix("$.").replace(".", "/") + "/"
        for key, word in (("conditionalCreateOnlyProperties", "conditional"), ("createOnlyProperties", "always")):
            if any(path.startswith((f"{name}/", f"{name}[")) for name in schema.get(key) or ()):
                found[location.resource_type, location.path] = word

    assert found == {(each.resource_type, each.path): each.replacement for each in ALL if each.replacement}
    assert set(found.values()) == {"conditional", "always"}


def test_rejects_marker_is_set_where_the_schemas_of_cfn_lint_do() -> None:
    expected = set()
    for location, schema in _schemas():
        # The pattern of Omics accepts everything, and `re` does not know its classes.
        if not location.resource_type.startswith("AWS::Omics::"):
            pattern = re.compile(_pattern_of(schema, location.steps))
            accepted = [image for image in IMAGES if pattern.search(image)]
            if not all(pattern.search(f"!PinDigest {image}") for image in accepted):
                expected.add((location.resource_type, location.path))

    marked = {
        (location.resource_type, location.path)
        for locations in image_locations().values()
        for location in locations
        if location.rejects_marker
    }
    assert marked == expected
    assert expected
