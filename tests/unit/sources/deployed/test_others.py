"""Deployed images of services other than ECS, and the rows that describe their APIs."""

from __future__ import annotations

from typing import Any

import boto3
import jmespath
import pytest
from botocore import xform_name

from image_pinner.core.deployed import Deployed, DeployedLookup, NotDeployed, NotKnown
from image_pinner.core.template.locations import image_locations
from image_pinner.core.template.options import Refresh
from image_pinner.sources.deployed.others import DeployedType, _located, _texts, deployed_types
from image_pinner.sources.deployed.source import required_actions
from support.deployed_images import (
    FIRST,
    REGION,
    REPOSITORY,
    SECOND,
    THIRD,
    FakeAws,
    Response,
    deployed_lookup,
    error,
    kept,
    not_known,
    read_deployed,
    read_one,
)

IMAGE = f"{REPOSITORY}@{FIRST}"
FUNCTION = "AWS::Lambda::Function"


def function_lookup(refresh: Refresh = Refresh.NEVER, resource_type: str = FUNCTION) -> DeployedLookup:
    path = "Properties.Code.ImageUri" if resource_type == FUNCTION else "Properties.ImageUri"
    return deployed_lookup("", refresh, resource="Api", resource_type=resource_type, path=path)


def function(image: str, resolved: str = "") -> FakeAws:
    aws = FakeAws()
    aws.stack(Api=(FUNCTION, "shop-api"))
    aws.answers["GetFunction"] = {"Code": {"ImageUri": image} | ({"ResolvedImageUri": resolved} if resolved else {})}
    return aws


def with_template(aws: FakeAws, image: str, record: str) -> FakeAws:
    resource = {
        "Properties": {"Code": {"ImageUri": image}},
        "Metadata": {"image-pinner.source": {"Properties.Code.ImageUri": record}},
    }
    aws.templates["shop"] = {"Resources": {"Api": resource}}
    return aws


class TestRows:
    """Every row is checked against the model of its service."""

    ROWS = pytest.mark.parametrize(
        "row", dict.fromkeys(deployed_types().values()), ids=lambda row: row.operation.action
    )

    @ROWS
    def test_operation_and_parameter_exist(self, row: DeployedType) -> None:
        client = boto3.client(row.operation.client_name, region_name=REGION)
        model = client.meta.service_model
        operation = model.operation_model(row.operation.name)
        assert hasattr(client, xform_name(row.operation.name))
        assert model.signing_name == row.operation.action.partition(":")[0]
        assert bool(row.id) != bool(row.ids)
        assert (row.id or row.ids) in operation.input_shape.members
        assert operation.input_shape.members[row.id or row.ids].type_name == ("list" if row.ids else "string")

    @ROWS
    def test_paths_exist_in_the_response(self, row: DeployedType) -> None:
        model = boto3.client(row.operation.client_name, region_name=REGION).meta.service_model
        response = example(model.operation_model(row.operation.name).output_shape)
        item = jmespath.search(row.item, response)
        item = item[0] if row.ids else item
        assert item
        assert not row.ids or item[row.item_id]
        if row.active:
            # A field that does not exist is null, which only differs from other values.
            assert fields(jmespath.compile(row.active).parsed) <= keys(item)
        for image in row.images:
            for path in filter(None, (image.image, image.digest)):
                assert jmespath.search(path.replace(".*", ".key"), item), path

    @ROWS
    @pytest.mark.parametrize("name", ["x", ""])
    def test_images_are_found_by_the_name_of_the_container_and_by_position(self, row: DeployedType, name: str) -> None:
        model = boto3.client(row.operation.client_name, region_name=REGION).meta.service_model
        response = example(model.operation_model(row.operation.name).output_shape)
        item = jmespath.search(f"({row.item})[0]" if row.ids else row.item, response)
        # All texts of the example are "x", and all keys of mappings are "key".
        for image in row.images:
            path = f"Properties.{image.path}".replace("[*]", "[0]").replace(".*.", ".key.")
            found = _located(image, deployed_lookup(name and ("key" if image.keyed else name), path=path))
            assert bool(found) == (bool(name) or not image.keyed)
            assert found is None or _texts(jmespath.search(found.image, item)) == {"x"}

    @pytest.mark.parametrize("resource_type", deployed_types())
    def test_paths_of_the_properties_are_those_of_the_locations(self, resource_type: str) -> None:
        locations = {location.path.removeprefix("$.") for location in image_locations()[resource_type]}
        assert {image.path for image in deployed_types()[resource_type].images} & locations
        if resource_type not in {FUNCTION, "AWS::Serverless::Function", "AWS::SageMaker::ModelPackage"}:
            assert {image.path for image in deployed_types()[resource_type].images} == locations

    def test_actions_are_sorted(self) -> None:
        assert list(required_actions()) == sorted(set(required_actions()))
        assert {"lambda:GetFunction", "ecs:DescribeServiceRevisions", "cloudformation:GetTemplate"} <= set(
            required_actions()
        )


def fields(node: Any) -> set[str]:
    """Return the names of the fields in a parsed JMESPath expression."""
    own = {node["value"]} if node["type"] == "field" else set()
    return own.union(*(fields(child) for child in node.get("children", ())))


def keys(value: Any) -> set[str]:
    """Return all keys of a structure, nested ones too."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (set(value) if isinstance(value, dict) else set()).union(*map(keys, children))


def example(shape: Any, depth: int = 0) -> Any:
    """Return a value with every member of a shape."""
    if shape.type_name == "structure":
        return {name: example(member, depth + 1) for name, member in shape.members.items()} if depth < 12 else {}
    if shape.type_name == "list":
        return [example(shape.member, depth + 1)] if depth < 12 else []
    if shape.type_name == "map":
        return {"key": example(shape.value, depth + 1)}
    return "x" if shape.type_name == "string" else 1


@pytest.mark.parametrize("resource_type", ["AWS::IoTAnalytics::Dataset", "AWS::SageMaker::ProcessingJob", ""])
def test_type_without_a_row_is_refused_by_name(resource_type: str) -> None:
    state = read_one(FakeAws(), deployed_lookup(resource_type=resource_type))
    assert isinstance(state, NotKnown)
    assert state.cause == f"{resource_type or 'the service'} does not report deployed images"
    assert "set Refresh=Always" in state.help


class TestLambda:
    def test_denial_names_the_action(self) -> None:
        aws = function(IMAGE)
        aws.fails["GetFunction"] = error("AccessDeniedException")
        state = read_one(aws, function_lookup())
        assert isinstance(state, NotKnown)
        assert state.cause == f"lambda:GetFunction is denied in {REGION}"

    def test_tag_without_a_resolved_image_is_not_known(self) -> None:
        state = read_one(function(f"{REPOSITORY}:1"), function_lookup())
        assert isinstance(state, NotKnown)
        assert state.cause == f"Lambda does not report the digest of '{REPOSITORY}:1'"

    def test_missing_function_is_not_deployed(self) -> None:
        aws = function(IMAGE)
        aws.fails["GetFunction"] = error("ResourceNotFoundException", "Function not found")
        assert read_one(aws, function_lookup()) == NotDeployed("shop-api does not exist in Lambda")

    def test_function_without_an_image_is_not_deployed(self) -> None:
        aws = function(IMAGE)
        aws.answers["GetFunction"] = {"Code": {"RepositoryType": "S3"}}
        assert isinstance(read_one(aws, function_lookup()), NotDeployed)

    @pytest.mark.parametrize("resource_type", [FUNCTION, "AWS::Serverless::Function"])
    def test_resolved_image_of_a_tag(self, resource_type: str) -> None:
        state = read_one(function(f"{REPOSITORY}:1", IMAGE), function_lookup(resource_type=resource_type))
        assert kept(state) == (IMAGE, f"{REPOSITORY}:1", "Lambda resource Api")

    @pytest.mark.parametrize("refresh", [Refresh.NEVER, Refresh.ON_CHANGE])
    def test_record_of_a_digest_is_in_the_metadata(self, refresh: Refresh) -> None:
        aws = with_template(function(IMAGE, IMAGE), IMAGE, f"{REPOSITORY}:1")
        assert kept(read_one(aws, function_lookup(refresh)))[:2] == (IMAGE, f"{REPOSITORY}:1")

    def test_record_of_a_sam_function_is_under_the_property_of_its_template(self) -> None:
        aws = with_template(function(IMAGE, IMAGE), IMAGE, "")
        metadata = aws.templates["shop"]["Resources"]["Api"]["Metadata"]
        metadata["image-pinner.source"] = {"Properties.ImageUri": f"{REPOSITORY}:1"}
        lookup = function_lookup(Refresh.ON_CHANGE, "AWS::Serverless::Function")
        assert kept(read_one(aws, lookup))[:2] == (IMAGE, f"{REPOSITORY}:1")

    def test_image_that_the_stack_did_not_deploy_is_kept_by_never_only(self) -> None:
        aws = with_template(function(IMAGE, IMAGE), f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2")
        assert kept(read_one(aws, function_lookup()))[:2] == (IMAGE, "")
        state = read_one(aws, function_lookup(Refresh.ON_CHANGE))
        assert kept(state)[:2] == (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2")

    def test_tag_that_the_stack_did_not_deploy_is_kept_by_never_only(self) -> None:
        aws = with_template(function(f"{REPOSITORY}:9", IMAGE), f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2")
        assert kept(read_one(aws, function_lookup()))[:2] == (IMAGE, f"{REPOSITORY}:9")
        state = read_one(aws, function_lookup(Refresh.ON_CHANGE))
        assert kept(state)[:2] == (f"{REPOSITORY}@{SECOND}", f"{REPOSITORY}:2")

    def test_digest_of_a_tag_that_the_stack_deployed_and_something_else_replaced_is_not_known(self) -> None:
        aws = with_template(function(f"{REPOSITORY}:9", IMAGE), f"{REPOSITORY}:1", "")
        state = read_one(aws, function_lookup(Refresh.ON_CHANGE))
        assert isinstance(state, NotKnown)
        assert state.cause == (
            f"Lambda resource Api runs {REPOSITORY}:9, and the stack deployed {REPOSITORY}:1, whose digest is not known"
        )
        aws.templates["shop"]["Resources"]["Api"]["Properties"]["Code"]["ImageUri"] = f"{REPOSITORY}:9"
        assert kept(read_one(aws, function_lookup(Refresh.ON_CHANGE)))[:2] == (IMAGE, f"{REPOSITORY}:9")

    @pytest.mark.parametrize("image", [{"Ref": "Image"}, {"Fn::If": ["Blue", IMAGE, IMAGE]}, None])
    def test_tag_is_known_only_as_written_now_where_the_stack_has_an_expression(self, image: Any) -> None:
        aws = with_template(function(f"{REPOSITORY}:9", IMAGE), image, "")
        lookup = function_lookup(Refresh.ON_CHANGE)
        assert not_known(read_one(aws, lookup._replace(written=f"{REPOSITORY}:1"))).cause == (
            f"Lambda resource Api runs {REPOSITORY}:9, and the stack deployed an unknown image"
        )
        assert kept(read_one(aws, lookup._replace(written=f"{REPOSITORY}:9")))[:2] == (IMAGE, f"{REPOSITORY}:9")
        assert kept(read_one(aws, function_lookup()))[:2] == (IMAGE, f"{REPOSITORY}:9")

    def test_deleted_template_has_no_record(self) -> None:
        aws = function(IMAGE, IMAGE)
        aws.fails["GetTemplate"] = error("ValidationError", "Stack with id shop does not exist")
        assert kept(read_one(aws, function_lookup()))[:2] == (IMAGE, "")


class TestBatch:
    TYPE = "AWS::Batch::JobDefinition"

    def jobs(self, count: int, **properties: Any) -> tuple[FakeAws, list[DeployedLookup]]:
        aws = FakeAws()
        names = [f"Job{number}" for number in range(count)]
        aws.stack(**{name: (self.TYPE, f"arn:aws:batch:::job-definition/{name}:1") for name in names})

        def describe(parameters: Response) -> Response:
            assert len(parameters.get("jobDefinitions", ())) <= 100
            by_name = [f"arn:aws:batch:::job-definition/{parameters.get('jobDefinitionName')}:1"]
            fields = {"jobDefinitionName": "x", "revision": 1, "type": "container", "status": "ACTIVE"} | properties
            arns = parameters.get("jobDefinitions", by_name)
            return {"jobDefinitions": [fields | {"jobDefinitionArn": arn} for arn in arns]}

        aws.answers["DescribeJobDefinitions"] = describe
        path = "Properties.ContainerProperties.Image"
        return aws, [deployed_lookup("", resource=name, resource_type=self.TYPE, path=path) for name in names]

    @pytest.mark.parametrize("is_missing", [False, True])
    def test_revision_of_the_stack_that_is_no_longer_active_is_not_known(self, *, is_missing: bool) -> None:
        aws, (lookup,) = self.jobs(1, status="INACTIVE", containerProperties={"image": IMAGE})
        if is_missing:
            aws.answers["DescribeJobDefinitions"] = {"jobDefinitions": []}
        state = not_known(read_one(aws, lookup._replace(refresh=Refresh.ON_CHANGE)))
        assert state.cause.endswith("/Job0:1 is no longer active in Batch, where another revision can be")

    def test_name_without_an_active_revision_is_not_known(self) -> None:
        aws, (lookup,) = self.jobs(1)
        aws.answers["DescribeJobDefinitions"] = {"jobDefinitions": []}
        assert not_known(read_one(aws, lookup)).cause == "Job0 has no active revision in Batch"

    def test_newest_active_revision_is_what_runs(self) -> None:
        aws, (lookup,) = self.jobs(1)

        def describe(parameters: Response) -> Response:
            if "jobDefinitions" in parameters:
                assert parameters == {"jobDefinitions": ["arn:aws:batch:::job-definition/Job0:1"]}
                return {"jobDefinitions": [self.revision(1, f"{REPOSITORY}@{THIRD}")]}
            assert {name: parameters[name] for name in ("jobDefinitionName", "status")} == {
                "jobDefinitionName": "Job0",
                "status": "ACTIVE",
            }
            if "nextToken" in parameters:
                return {"jobDefinitions": [self.revision(9, f"{REPOSITORY}@{SECOND}")]}
            found = [self.revision(number, IMAGE) for number in (10, 1)]
            return {"jobDefinitions": found, "nextToken": "x"}

        aws.answers["DescribeJobDefinitions"] = describe
        assert kept(read_one(aws, lookup))[0] == IMAGE
        assert kept(read_one(aws, lookup._replace(refresh=Refresh.ON_CHANGE)))[0] == f"{REPOSITORY}@{THIRD}"

    def revision(self, number: int, image: str) -> Response:
        return {
            "jobDefinitionName": "Job0",
            "jobDefinitionArn": f"arn:aws:batch:::job-definition/Job0:{number}",
            "revision": number,
            "type": "container",
            "status": "ACTIVE",
            "containerProperties": {"image": image},
        }

    def test_tag_is_not_known(self) -> None:
        aws, (lookup,) = self.jobs(1, containerProperties={"image": "nginx:1"})
        state = read_one(aws, lookup)
        assert isinstance(state, NotKnown)
        assert state.cause == "Batch does not report the digest of 'nginx:1'"

    def test_many_definitions_cost_few_requests(self) -> None:
        aws, lookups = self.jobs(230, containerProperties={"image": IMAGE})
        on_change = [lookup._replace(refresh=Refresh.ON_CHANGE) for lookup in lookups]
        aws.templates["shop"] = {}
        assert {str(state.image) for state in read_deployed(aws, *on_change).values()} == {IMAGE}
        assert aws.count("DescribeJobDefinitions") == 3
        # Batch describes the newest revision of one name a call.
        assert {kept(state)[0] for state in read_deployed(aws, *lookups, *lookups).values()} == {IMAGE}
        assert aws.count("DescribeJobDefinitions") == 3 + 230

    @pytest.mark.parametrize(("name", "digest"), [("side", SECOND), ("", FIRST), ("none", "")])
    def test_containers_are_found_by_name_or_else_by_position(self, name: str, digest: str) -> None:
        containers = [{"name": "web", "image": IMAGE}, {"name": "side", "image": f"{REPOSITORY}@{SECOND}"}]
        aws, (lookup,) = self.jobs(1, ecsProperties={"taskProperties": [{"containers": containers}]})
        identity = lookup.identity._replace(container=name)
        path = "Properties.EcsProperties.TaskProperties[0].Containers[0].Image"
        state = read_one(aws, lookup._replace(identity=identity, record_path=path))
        if digest:
            assert kept(state)[0] == f"{REPOSITORY}@{digest}"
        else:
            assert isinstance(state, NotDeployed)

    def test_name_that_is_not_that_of_a_container_is_not_known(self) -> None:
        aws, (lookup,) = self.jobs(1, containerProperties={"image": IMAGE})
        identity = lookup.identity._replace(container="x' || @")
        path = "Properties.EcsProperties.TaskProperties[0].Containers[0].Image"
        assert isinstance(read_one(aws, lookup._replace(identity=identity, record_path=path)), NotKnown)

    def test_unknown_property_is_not_known(self) -> None:
        aws, (lookup,) = self.jobs(1, containerProperties={"image": IMAGE})
        state = read_one(aws, lookup._replace(record_path="Properties.Other.Image"))
        assert isinstance(state, NotKnown)
        assert state.cause == "Batch does not report the image at Properties.Other.Image"


def test_express_service_in_a_deployment_is_not_known() -> None:
    aws = FakeAws()
    aws.stack(Web=("AWS::ECS::ExpressGatewayService", "arn:web"))
    configurations = [{"primaryContainer": {"image": image}} for image in (IMAGE, f"{REPOSITORY}@{SECOND}")]
    aws.answers["DescribeExpressGatewayService"] = {"service": {"activeConfigurations": configurations}}
    lookup = deployed_lookup(
        "", resource="Web", resource_type="AWS::ECS::ExpressGatewayService", path="Properties.PrimaryContainer.Image"
    )
    state = read_one(aws, lookup)
    assert isinstance(state, NotKnown)
    assert state.help == "wait until its deployment is complete"
    aws.answers["DescribeExpressGatewayService"] = {"service": {"activeConfigurations": configurations[:1]}}
    assert kept(read_one(aws, lookup))[0] == IMAGE


def test_worker_types_of_emr_serverless_are_found_by_their_key() -> None:
    aws = FakeAws()
    aws.stack(App=("AWS::EMRServerless::Application", "00f1"))
    driver = {"imageConfiguration": {"imageUri": f"{REPOSITORY}:1", "resolvedImageDigest": FIRST}}
    application: Response = {
        "applicationId": "00f1",
        "arn": f"arn:aws:emr-serverless:{REGION}:111122223333:/applications/{'0' * 16}",
        "releaseLabel": "emr-7.0.0",
        "type": "SPARK",
        "state": "STARTED",
        "createdAt": 0,
        "updatedAt": 0,
        "workerTypeSpecifications": {"DRIVER": driver},
    }
    aws.answers["GetApplication"] = {"application": application}
    path = "Properties.WorkerTypeSpecifications.{}.ImageConfiguration.ImageUri"
    driver_lookup, executor_lookup = (
        deployed_lookup("", resource="App", resource_type="AWS::EMRServerless::Application", path=path.format(key))
        for key in ("DRIVER", "EXECUTOR")
    )
    states = read_deployed(aws, driver_lookup, executor_lookup)
    assert kept(states[driver_lookup])[:2] == (IMAGE, f"{REPOSITORY}:1")
    assert isinstance(states[executor_lookup], NotDeployed)
    assert aws.count("GetApplication") == 1


@pytest.mark.parametrize(("name", "is_known"), [("web", True), ("", False)])
def test_containers_of_lightsail_are_found_by_their_key(name: str, *, is_known: bool) -> None:
    aws = FakeAws()
    aws.stack(Web=("AWS::Lightsail::Container", "arn:aws:lightsail:::ContainerService/web-1"))
    deployment = {"containers": {"web": {"image": IMAGE}}}
    aws.answers["GetContainerServices"] = {"containerServices": [{"currentDeployment": deployment}]}
    lookup = deployed_lookup(
        name,
        resource="Web",
        resource_type="AWS::Lightsail::Container",
        path="Properties.ContainerServiceDeployment.Containers[0].Image",
    )
    state = read_one(aws, lookup)
    assert isinstance(state, Deployed if is_known else NotKnown)
    assert aws.calls[1] == ("GetContainerServices", {"serviceName": "web-1"})


def test_sagemaker_model_is_described_by_its_name() -> None:
    aws = FakeAws()
    aws.stack(Model=("AWS::SageMaker::Model", "arn:aws:sagemaker:::model/shop"))
    aws.fails["DescribeModel"] = error("ValidationException", "Could not find model 'shop'.")
    lookup = deployed_lookup(
        "", resource="Model", resource_type="AWS::SageMaker::Model", path="Properties.Containers[1].Image"
    )
    assert read_one(aws, lookup) == NotDeployed("shop does not exist in SageMaker")
    assert aws.calls[1] == ("DescribeModel", {"ModelName": "shop"})
