"""The options of `image-pinner pin`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProxyConnectionError

from image_pinner.cli.commands.pin import command
from image_pinner.core.intrinsics.values import SsmParameter
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, UNMARKED, digest, saved

HOST = """\
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: !Sub "!PinDigest ${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/shop/web:1.0"
"""


class Unreachable:
    """The clients of a network whose proxy does not run. See `ClientFactory`."""

    def client(self, service: str, region: str) -> Any:  # noqa: ARG002 - the signature of a ClientFactory
        raise ProxyConnectionError(proxy_url="http://proxy.example")


def test_an_undeclared_parameter_is_rejected_with_a_suggestion(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameter", "Tga=2.0")

    assert (run.code, run.out) == (2, b"")
    assert "declares no parameter 'Tga' (did you mean 'Tag'?)\nhelp: omit it, or pass one of Tag\n" in run.err


@pytest.mark.parametrize("pair", ["Tag", "=2.0", ""])
def test_a_parameter_without_name_or_value_is_rejected(pair: str, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--parameter", pair)

    assert (run.code, run.out) == (2, b"")
    assert "help: pass --parameter NAME=VALUE" in run.err


@pytest.mark.parametrize(
    ("pairs", "tag"), [((), "1.0"), (("Tag=2.0",), "2.0"), (("Tag=2.0", "Tag=3.0"), "3.0"), (("Tag=a_b-c.",), "a_b-c.")]
)
def test_the_last_value_of_a_parameter_counts_and_the_default_without_one(
    pairs: tuple[str, ...], tag: str, tmp_path: Path
) -> None:
    options = [part for pair in pairs for part in ("--parameter", pair)]

    run = image_pinner("pin", str(saved(tmp_path)), *options)

    assert run.code == 0, run.err
    assert digest(f"docker.io/shop/web:{tag}") in run.text


def test_an_image_in_an_unknown_region_needs_the_region_option(tmp_path: Path) -> None:
    nowhere = {"AWS_REGION": "", "AWS_CONFIG_FILE": str(tmp_path / "none"), "HOME": str(tmp_path)}

    run = image_pinner("pin", str(saved(tmp_path, HOST)), "--account", "111122223333", env=nowhere)

    assert (run.code, run.out) == (1, b"")
    assert "\nhelp: pass --region or set AWS_REGION\n" in run.err

    run = image_pinner("pin", str(saved(tmp_path, HOST)), env=nowhere)

    assert (run.code, run.err.count("the AWS region is unknown")) == (1, 1)
    assert "the AWS account ID is unknown: its lookup requires a region, and the AWS region is unknown\n" in run.err


def test_an_account_that_cannot_be_looked_up_without_a_region_needs_one_of_both_options(tmp_path: Path) -> None:
    nowhere = {"AWS_REGION": "", "AWS_CONFIG_FILE": str(tmp_path / "none"), "HOME": str(tmp_path)}

    text = HOST.replace("${AWS::Region}.${AWS::URLSuffix}", "eu-west-1.amazonaws.com")

    run = image_pinner("pin", str(saved(tmp_path, text)), env=nowhere)

    assert run.code == 1
    assert "the AWS account ID is unknown: its lookup requires a region\n" in run.err
    assert "\nhelp: pass --account, or pass --region or set AWS_REGION\n" in run.err


def test_an_account_that_cannot_be_looked_up_has_the_help_of_its_lookup(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, HOST)), aws=Unreachable())

    assert "the AWS account ID is unknown: cannot connect to the proxy for STS in us-east-1\n" in run.err
    assert "\nhelp: pass --account, or check HTTPS_PROXY and NO_PROXY\n" in run.err


def test_an_image_in_an_unknown_account_needs_the_account_option(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, HOST)))

    assert (run.code, run.out) == (3, b"")
    assert "\nhelp: pass --account, or configure AWS credentials or set AWS_PROFILE\n" in run.err


@pytest.mark.parametrize("option", ["--parameters", "--parameter-overrides"])
def test_the_default_does_not_replace_the_previous_value_of_a_stack(option: str, tmp_path: Path) -> None:
    path, given = saved(tmp_path), tmp_path / "given.json"
    given.write_text(json.dumps([{"ParameterKey": name, "UsePreviousValue": True} for name in ("Tag", "Old")]))
    word = str(given) if option == "--parameters" else "ParameterKey=Tag,UsePreviousValue=true"

    run = image_pinner("pin", str(path), option, word)

    assert (run.code, run.out) == (1, b"")
    assert "the parameter 'Tag' keeps its previous value, which is not known" in run.err
    assert "help: pass --parameter Tag=VALUE" in run.err
    assert image_pinner("pin", str(path), option, word, "--parameter", "Tag=1.0").code == 0


def test_a_parameter_without_a_value_needs_the_parameter_option(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, MARKED.replace(', Default: "1.0"', ""))))

    assert (run.code, run.out) == (1, b"")
    assert "\nhelp: pass --parameter Tag=VALUE\n" in run.err


@pytest.mark.parametrize(
    ("options", "environment", "region"),
    [
        (("--region", "eu-central-1"), {"AWS_REGION": "us-east-1"}, "eu-central-1"),
        ((), {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ((), {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    ],
)
def test_the_region_option_takes_precedence_over_the_environment(
    options: tuple[str, ...], environment: dict[str, str], region: str, tmp_path: Path
) -> None:
    run = image_pinner("pin", str(saved(tmp_path, HOST)), "--account", "012345678901", *options, env=environment)

    assert f"012345678901.dkr.ecr.{region}.amazonaws.com/shop/web@sha256:" in run.text


def test_the_default_region_is_that_of_the_aws_configuration(tmp_path: Path) -> None:
    configuration = tmp_path / "config"
    configuration.write_text("[default]\nregion = cn-north-1\n")
    environment = {"AWS_REGION": "", "AWS_CONFIG_FILE": str(configuration)}

    run = image_pinner("pin", str(saved(tmp_path, HOST)), "--account", "111122223333", env=environment)

    assert "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web@sha256:" in run.text


@pytest.mark.parametrize(
    "account",
    [
        "12345",
        "1234567890123",
        "12345678901a",
        "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10\uff11\uff12",
    ],
)
def test_an_account_id_without_12_digits_is_rejected(account: str, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--account", account)

    assert (run.code, run.out) == (2, b"")
    assert "12 digits" in run.err


def test_pin_all_pins_unmarked_images(tmp_path: Path) -> None:
    path = str(saved(tmp_path, UNMARKED))

    assert image_pinner("pin", path).out == UNMARKED.encode()
    assert digest("docker.io/shop/web:1.0") in image_pinner("pin", path, "--pin", "All").text


def test_pin_marked_takes_precedence_over_the_transform(tmp_path: Path) -> None:
    text = UNMARKED.replace("Transform: ImagePinner", "Transform: {Name: ImagePinner, Parameters: {Pin: All}}")
    path = str(saved(tmp_path, text))

    assert digest("docker.io/shop/web:1.0") in image_pinner("pin", path).text
    assert image_pinner("pin", path, "--pin", "Marked").out == text.encode()


def test_other_values_of_pin_are_rejected(tmp_path: Path) -> None:
    assert image_pinner("pin", str(saved(tmp_path)), "--pin", "Some").code == 2


def test_an_additional_image_path_pins_its_images(tmp_path: Path) -> None:
    text = MARKED + "  Job: {Type: Custom::Job, Properties: {Image: '!PinDigest shop/job:1.0'}}\n"
    path = str(saved(tmp_path, text))

    refused = image_pinner("pin", path)
    run = image_pinner("pin", path, "--image-path", "$.Resources[?(@.Type=='Custom::Job')].Properties.Image")

    assert refused.code == 1
    assert run.code == 0, run.err
    assert f"Image: 'shop/job@{digest('docker.io/shop/job:1.0')}'" in run.text


def test_an_invalid_image_path_is_rejected(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), "--image-path", "$.Resources[")

    assert (run.code, run.out) == (2, b"")
    assert "JSONPath" in run.err


def test_an_image_without_a_tag_needs_the_unsafe_option_and_prints_a_warning(tmp_path: Path) -> None:
    path = str(saved(tmp_path, MARKED.replace(":${Tag}", "")))

    denied = image_pinner("pin", path)
    run = image_pinner("pin", path, "--unsafe-implicit-latest")

    assert (denied.code, denied.out) == (1, b"")
    assert run.code == 0
    assert digest("docker.io/shop/web") in run.text
    assert run.err.startswith("warning: ")
    assert "unsafe-implicit-latest" in run.err


@pytest.mark.parametrize(
    ("option", "value"), [("--mirror", "mirror.example"), ("--insecure-registry", "https://registry.example")]
)
def test_an_invalid_registry_is_rejected(option: str, value: str, tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), option, value)

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith(f"error: invalid value for {option}: ")
    assert run.err.endswith("\nhelp: run image-pinner pin --help\n")


@pytest.mark.parametrize("seconds", ["0", "901", "soon"])
def test_an_invalid_timeout_is_rejected(seconds: str, tmp_path: Path) -> None:
    assert image_pinner("pin", str(saved(tmp_path)), "--timeout", seconds).code == 2


def test_pin_reads_the_settings_of_the_macro(tmp_path: Path) -> None:
    path = str(saved(tmp_path, UNMARKED))

    assert digest("docker.io/shop/web:1.0") in image_pinner("pin", path, env={"IMAGE_PINNER_PIN": "All"}).text


def test_an_unknown_setting_is_rejected(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), env={"IMAGE_PINNER_PINN": "All"})

    assert (run.code, run.out) == (2, b"")
    assert "unknown setting IMAGE_PINNER_PINN" in run.err


def test_the_value_of_a_parameter_of_an_ssm_type_is_its_name(tmp_path: Path) -> None:
    text = MARKED.replace('{Type: String, Default: "1.0"}', "{Type: AWS::SSM::Parameter::Value<String>}")
    resolvers = InMemoryRegistry({SsmParameter("/shop/tag"): "7.0"}, has_every_image=True)

    run = image_pinner("pin", str(saved(tmp_path, text)), "--parameter", "Tag=/shop/tag", resolvers=resolvers)

    assert digest("docker.io/shop/web:7.0") in run.text


STACK_NAME = """\
Transform: [{Name: ImagePinner, Parameters: {StackName: !Ref AWS::StackName}}]
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: !Sub "!PinDigest shop/${AWS::StackName}:1.0"
"""


def test_an_image_with_the_stack_name_needs_the_option(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, STACK_NAME)))

    assert (run.code, run.out) == (1, b"")
    assert "AWS::StackName is unknown" in run.err
    assert "--stack-name" in run.err


def test_the_stack_name_is_part_of_images(tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path, STACK_NAME)), "--stack-name", "web")

    assert run.code == 0, run.err
    assert f"shop/web@{digest('docker.io/shop/web:1.0')}" in run.text


def test_a_deployed_image_that_cannot_be_looked_up_is_a_failure(tmp_path: Path) -> None:
    text = MARKED.replace("!PinDigest ", "!PinDigest Refresh=Never ")

    registry = InMemoryRegistry(has_every_image=True)
    registry.deployments.break_service("ECS did not respond")

    run = image_pinner("pin", str(saved(tmp_path, text)), "--stack-name", "shop", resolvers=registry)

    assert (run.code, run.out) == (3, b"")
    assert "ECS did not respond" in run.err


def test_a_deployed_image_needs_the_name_of_the_stack(tmp_path: Path) -> None:
    transform = "Transform: [{Name: ImagePinner, Parameters: {Refresh: Never, StackName: !Ref AWS::StackName}}]"

    run = image_pinner("pin", str(saved(tmp_path, MARKED.replace("Transform: ImagePinner", transform))))

    assert (run.code, run.out) == (3, b"")
    assert "'shop/web:1.0': Refresh is Never, and the stack is not known\nhelp: pass --stack-name\n" in run.err


def test_the_report_has_every_image(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    text = MARKED + "        - {Name: other, Image: shop/other:1}\n"

    run = image_pinner("pin", str(saved(tmp_path, text)), "--report", str(report))

    assert run.code == 0
    pinned = f"shop/web@{digest('docker.io/shop/web:1.0')}"
    assert json.loads(report.read_bytes()) == {
        "version": 3,
        "status": "success",
        "images": [
            {
                "path": "Resources.Web.Properties.ContainerDefinitions[0].Image",
                "written": "shop/web:1.0",
                "requested_by": "marker",
                "status": "pinned",
                "decision": "resolved",
                "result": pinned,
                "media_type": "application/vnd.oci.image.manifest.v1+json",
                "source": "memory",
                "request": "the in-memory registry",
            },
            {
                "path": "Resources.Web.Properties.ContainerDefinitions[1].Image",
                "status": "unmarked",
                "reason": "it has no marker, and no Pin option selects it",
                "written": "shop/other:1",
            },
        ],
        "problems": [],
        "warnings": [],
    }


def test_the_report_of_a_failure_has_the_images_that_would_be_pinned(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    text = MARKED + '        - {Name: other, Image: "!PinDigest Shop/Other:1"}\n'

    run = image_pinner("pin", str(saved(tmp_path, text)), "--report", str(report))

    found = json.loads(report.read_bytes())
    assert (run.code, run.out) == (1, b"")
    assert found["status"] == "failure"
    assert [image["status"] for image in found["images"]] == ["would be pinned"]
    assert [problem["path"] for problem in found["problems"]] == [
        "Resources.Web.Properties.ContainerDefinitions[1].Image"
    ]


def test_every_option_has_a_help() -> None:
    for option in command.params:
        assert option.name == "templates" or getattr(option, "help", None), option.name
