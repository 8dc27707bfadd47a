"""The demo pins images with the macro, and reaches no real account."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from image_pinner.cli.demo.embedded_aws import ACCOUNT, REGION, EmbeddedAws, embedded_aws
from image_pinner.cli.demo.page import Page
from image_pinner.cli.demo.story import Story

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


Lines = list[tuple[str, str]]
"""The lines that the demo shows, each with its kind."""


def run_story(aws: EmbeddedAws) -> tuple[bool, Lines]:
    lines: Lines = []
    succeeded = Story(aws, Page(lambda line, kind: lines.append((line, kind)))).run()
    return succeeded, lines


@pytest.fixture(scope="module")
def story() -> tuple[bool, Lines]:
    with embedded_aws() as aws:
        return run_story(aws)


def part(lines: Lines, start: str, end: str) -> Lines:
    """Return the lines from the one that starts with a text up to another one."""
    texts = [line for line, _ in lines]
    first, last = (next(number for number, line in enumerate(texts) if line.startswith(text)) for text in (start, end))
    return lines[first:last]


def changed(lines: Lines, kind: str, text: str) -> list[str]:
    """Return the lines of a difference with a text."""
    return [line for line, found in lines if found == kind and text in line]


def digest(lines: Lines, kind: str) -> str:
    """Return the digest in the only line of a kind that has one."""
    (line,) = changed(lines, kind, "sha256:")
    return str(DIGEST.findall(line)[0])


def test_a_macro_that_does_something_else_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded_aws() as aws:
        monkeypatch.delenv("IMAGE_PINNER_STATE_SCOPE")
        succeeded, lines = run_story(aws)
    assert not succeeded
    message = " ".join(line.strip() for line, kind in lines if kind == "error")
    assert message.startswith("unexpected result: ")
    assert "IMAGE_PINNER_STATE_SCOPE" in message


def test_the_story_succeeds(story: tuple[bool, Lines]) -> None:
    assert story[0]


def test_never_keeps_the_image_that_runs(story: tuple[bool, Lines]) -> None:
    lines = story[1]
    deployed = digest(part(lines, "1. ", "2. "), "new")
    released = DIGEST.findall(" ".join(line for line, _ in part(lines, "2. ", "3. ")))
    never = part(lines, "3. ", "With OnChange")
    assert (digest(never, "old"), [digest(never, "new")]) == (deployed, released)
    assert len(changed(never, "new", "LOG_LEVEL")) == 1


def test_on_change_keeps_the_image_that_the_stack_deployed(story: tuple[bool, Lines]) -> None:
    changes = [line for line, kind in part(story[1], "With OnChange", "With Always") if kind in {"old", "new"}]
    (line,) = changes
    assert "LOG_LEVEL" in line


def test_always_resolves_the_moved_tag(story: tuple[bool, Lines]) -> None:
    lines = story[1]
    always = part(lines, "With Always", "4. ")
    known = {digest(part(lines, "1. ", "2. "), "new"), digest(part(lines, "3. ", "With OnChange"), "new")}
    assert digest(always, "new") not in known


def test_the_override_deploys_the_first_digest_and_the_rollback_the_one_before(story: tuple[bool, Lines]) -> None:
    lines = story[1]
    deployed = digest(part(lines, "1. ", "2. "), "new")
    override = part(lines, "4. ", "5. ")
    after = " ".join(line for line, _ in part(lines, "5. ", "6. "))
    assert digest(override, "new") == deployed
    assert set(DIGEST.findall(after)) == {digest(override, "old")}


def test_both_invalid_images_are_reported(story: tuple[bool, Lines]) -> None:
    message = " ".join(line.strip() for line, kind in story[1] if kind == "error")
    assert "shop/proxy:stabel" in message
    assert "'Platfrom'" in message
    assert "Platform" in message


def test_the_function_is_pinned_to_a_manifest(story: tuple[bool, Lines]) -> None:
    (line,) = [line for line, kind in story[1] if kind == "new" and "ImageUri" in line and "sha256" in line]
    with embedded_aws() as aws:
        expected = aws.push("shop/reports", "1.4.2", "reports build 1", ("linux/amd64",))
    assert str(expected) in line


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


def test_an_image_whose_tag_is_moved_still_exists() -> None:
    with embedded_aws() as aws:
        first = aws.push("shop/web", "1", "build 1", ("linux/amd64",))
        aws.push("shop/web", "1", "build 2", ("linux/amd64",))
        found = aws.ecr.batch_get_image(repositoryName="shop/web", imageIds=[{"imageDigest": str(first)}])
    assert [image["imageId"]["imageDigest"] for image in found["images"]] == [str(first)]


SECRET = "Xq7rT2pLm9Zk4wV8sNb3"
SECRETS = {
    "AWS_ACCESS_KEY_ID": f"AKIA{SECRET}",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": SECRET,
    "AWS_ENDPOINT_URL_ECR": f"https://robot:{SECRET}@ecr.example",
    "IMAGE_PINNER_CREDENTIALS": "docker.io=env:REGISTRY_PASSWORD",
    "IMAGE_PINNER_MIRRORS": f"docker.io=robot:{SECRET}@mirror.example",
    "REGISTRY_PASSWORD": f"robot:{SECRET}",
}
"""The secrets of a user, and settings that are not valid."""


@pytest.fixture(scope="module")
def piped() -> subprocess.CompletedProcess[str]:
    """Run the demo into a pipe, in an environment with secrets."""
    macro = Path(__file__).parents[4] / "macro"
    code = "from image_pinner.cli.main import main; main(['demo'])"
    environment = {**os.environ, **SECRETS, "PYTHONPATH": str(macro)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_a_pipe_has_no_colour(piped: subprocess.CompletedProcess[str]) -> None:
    assert (piped.returncode, piped.stderr) == (0, "")
    assert "\x1b" not in piped.stdout
    assert "image-pinner check my-template.yaml" in piped.stdout


def test_the_demo_neither_shows_nor_uses_secrets_of_the_environment(piped: subprocess.CompletedProcess[str]) -> None:
    assert piped.returncode == 0
    assert SECRET.lower() not in (piped.stdout + piped.stderr).lower()
