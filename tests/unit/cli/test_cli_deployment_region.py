"""The region of `install`, `upgrade`, `status`, `uninstall` and `lock publish` without `--region`."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_pinner.cli.console import Dependencies
from image_pinner.cli.deployment_options import find_environment


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "cn-north-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
    ],
)
def test_the_region_is_that_of_the_aws_cli(
    variables: dict[str, str], region: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / "config"
    configuration.write_text("[default]\nregion = cn-north-1\n")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_CONFIG_FILE": str(configuration), **variables}.items():
        monkeypatch.setenv(name, value)

    assert find_environment(Dependencies(), "").region == region
