"""The Lambda starts fast: it imports nothing of the CLI, and boto3 only for the first request."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from image_pinner.cli.deployment.code import LEFT_OUT
from support.project import ROOT

NEVER = ("cfn_flip", "cfn_tools", "cfnlint", "click", "flask", "moto", "rich", "yaml")
OF_THE_CLI = tuple(
    name.removesuffix("/").removesuffix(".py").replace("/", ".") for name in LEFT_OUT if not name.endswith(".toml")
)
EVENT = {
    "requestId": "r",
    "region": "eu-central-1",
    "accountId": "111122223333",
    "fragment": {
        "Resources": {
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"ContainerDefinitions": [{"Name": "web", "Image": "!PinDigest registry.invalid/web:1"}]},
            }
        }
    },
}
IMPORT = "from image_pinner.lambda_macro import handler"
FAILS = f"{IMPORT}; print(handler.handler({EVENT!r}, None)['status'], file=sys.stderr)"
CLIENT = f"{IMPORT}; handler.RESOLVERS.clients.client('ecr', 'eu-central-1')"


def _loaded(code: str) -> tuple[set[str], str]:
    """Run code in a new process, and return the modules that it imported and its standard error."""
    wrapper = "import json, sys; before = set(sys.modules)\n{}\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    environment = {
        "PYTHONPATH": str(ROOT / "macro"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "IMAGE_PINNER_TIMEOUT": "10",
        "PATH": "",
    }
    command = [sys.executable, "-W", "error", "-c", wrapper.format(code)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1])), run.stderr


@pytest.mark.parametrize("code", [IMPORT, CLIENT, FAILS], ids=["import", "ECR client", "image in another registry"])
def test_lambda_imports_only_what_is_in_its_zip(code: str) -> None:
    loaded, _ = _loaded(code)
    assert "image_pinner.lambda_macro.handler" in loaded
    assert not loaded & set(NEVER)
    assert not [name for name in loaded if name.startswith(OF_THE_CLI)]


def test_the_import_contract_forbids_the_lambda_everything_that_its_zip_leaves_out() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = (contract for contract in contracts if contract["id"] == "lambda")
    ours = {name for name in contract["forbidden_modules"] if name.startswith("image_pinner.")}
    assert ours == set(OF_THE_CLI)


def test_handler_responds_with_a_minimal_environment() -> None:
    """A host name that cannot exist ends as an answer: https://www.rfc-editor.org/rfc/rfc2606#section-2."""
    _, errors = _loaded(FAILS)
    assert errors.split() == ["failure"]


def test_importing_the_handler_imports_neither_boto3_nor_urllib3() -> None:
    """A template without a marked image does not pay for their import."""
    loaded, _ = _loaded(IMPORT)
    assert not loaded & {"boto3", "botocore", "urllib3"}
