"""The demo pins images with the macro, and reaches no real account."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from image_pinner.cli.demo.embedded_aws import ACCOUNT, REGION, embedded_aws
from image_pinner.cli.demo.story import Story

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@pytest.fixture(scope="module")
def story() -> tuple[bool, list[tuple[str, str]]]:
    lines: list[tuple[str, str]] = []
    with embedded_aws() as aws:
        succeeded = Story(aws, lambda line, kind: lines.append((line, kind))).run()
    return succeeded, lines


def test_the_story_succeeds(story: tuple[bool, list[tuple[str, str]]]) -> None:
    assert story[0]


def test_the_moved_tag_has_an_old_and_a_new_digest(story: tuple[bool, list[tuple[str, str]]]) -> None:
    lines = [line for line, _ in story[1]]
    start = next(number for number, line in enumerate(lines) if line.startswith("2. "))
    end = next(number for number, line in enumerate(lines) if line.startswith("3. "))
    old = [line for line, kind in story[1][start:end] if kind == "old"]
    new = [line for line, kind in story[1][start:end] if kind == "new"]
    assert len(old) == len(new) == 1
    assert DIGEST.findall(old[0]) != DIGEST.findall(new[0])


def test_both_invalid_images_are_reported(story: tuple[bool, list[tuple[str, str]]]) -> None:
    message = " ".join(line.strip() for line, kind in story[1] if kind == "error")
    assert "shop/proxy:stabel" in message
    assert "'Platfrom'" in message
    assert "Platform" in message


def test_the_function_is_pinned_to_a_manifest(story: tuple[bool, list[tuple[str, str]]]) -> None:
    (line,) = [line for line, kind in story[1] if kind == "new" and "ImageUri" in line and "sha256" in line]
    with embedded_aws() as aws:
        digest = aws.push("shop/reports", "1.4.2", "reports build 1", ("linux/amd64",))
    assert str(digest) in line


def test_environment_variables_of_the_user_select_no_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "https://ecr.example")
    before = dict(os.environ)
    with embedded_aws() as aws:
        assert "AWS_PROFILE" not in os.environ
        assert aws.ecr.meta.endpoint_url.startswith("http://127.0.0.1:")
        assert aws.ecr.meta.region_name == REGION
        assert aws.ecr.describe_repositories()["repositories"] == []
    assert dict(os.environ) == before


def test_repositories_are_in_the_account_of_the_demo() -> None:
    with embedded_aws() as aws:
        aws.push("shop/web", "1", "build", ("linux/amd64", "linux/arm64"))
        (repository,) = aws.ecr.describe_repositories()["repositories"]
        aws.ecr.delete_repository(repositoryName="shop/web", force=True)
    assert repository["registryId"] == ACCOUNT


def test_a_pipe_has_no_colour() -> None:
    macro = Path(__file__).parents[4] / "macro"
    code = "from image_pinner.cli.main import main; main(['demo'])"
    environment = {**os.environ, "PYTHONPATH": str(macro)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "\x1b" not in run.stdout
    assert "image-pinner check my-template.yaml" in run.stdout
