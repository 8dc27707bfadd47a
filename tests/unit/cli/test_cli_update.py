"""`image-pinner update`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import PLAIN, digest, saved, state

OLD = f"sha256:{'1' * 64}"
NEW = digest("docker.io/shop/web:1")
TAGGED = """\
Transform: ImagePinner   # stays
Parameters:
  Arch: {Type: String, Default: ARM64}
Conditions:
  Never: !Equals [a, b]
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web
          Image: 'shop/web:1@OLD' # the main container
        - {Name: log, Image: "!PinDigest Platform=linux/arm64 shop/web:1@OLD"}
        - Name: init
          Image: !Sub "${AWS::AccountId}.example.com/web:1@OLD"
        - Name: proxy
          Image: envoy@OLD
        - Name: plain
          Image: nginx:1
  Other:
    Type: AWS::Batch::JobDefinition
    Condition: Never
    Properties:
      ContainerProperties: {Image: shop/web:1@OLD}
"""


def with_digest(text: str, value: str) -> str:
    """Write a digest for all images, or for those that are updated."""
    return text.replace("shop/web:1@OLD", f"shop/web:1@{value}").replace("OLD", OLD)


BEFORE, AFTER = with_digest(TAGGED, OLD), with_digest(TAGGED, NEW)


@pytest.mark.parametrize(
    ("registry", "code", "cause"),
    [
        (InMemoryRegistry(), 3, "repository 'docker.io/shop/web' does not exist"),
        (None, 1, "'Platfrom'"),
        (None, 2, "missing.yaml"),
    ],
)
def test_one_problem_in_one_file_and_no_file_is_written(
    registry: InMemoryRegistry | None, code: int, cause: str, tmp_path: Path
) -> None:
    good = saved(tmp_path, BEFORE, "good.yaml")
    bad = saved(tmp_path, BEFORE.replace("Platform=", "Platfrom=") if code == 1 else BEFORE, "bad.yaml")
    before = state(good), state(bad)

    run = image_pinner(
        "update", str(good), str(bad), *([str(tmp_path / "missing.yaml")] if code == 2 else []), resolvers=registry
    )

    assert (run.code, run.text) == (code, "")
    assert cause in run.err
    assert (state(good), state(bad)) == before


def test_the_first_file_gets_its_content_again_if_the_second_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = saved(tmp_path, BEFORE, "first.yaml"), saved(tmp_path, BEFORE, "second.yaml")
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "second.yaml" and access(path, mode))

    run = image_pinner("update", str(first), str(second))

    assert (run.code, run.text) == (2, "")
    assert f"cannot write {second}: permission denied" in run.err
    assert first.read_text() == second.read_text() == BEFORE


def test_standard_input_cannot_be_updated_in_place() -> None:
    run = image_pinner("update", "-", stdin=BEFORE.encode())
    assert (run.code, run.out) == (2, b"")
    assert "cannot update standard input in place" in run.err


@pytest.mark.parametrize(("other", "message"), [(None, "one.yaml declares no"), (PLAIN, "no template declares a")])
def test_a_parameter_that_no_template_declares_is_rejected(other: str | None, message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, BEFORE, "one.yaml")
    more = [str(saved(tmp_path, other, "other.yaml"))] if other else []

    run = image_pinner("update", "--parameter", "Arhc=X86_64", *more, str(path))

    assert (run.code, run.text) == (2, "")
    assert f"{message} parameter 'Arhc' (did you mean 'Arch'?)\nhelp: omit it, or pass one of Arch" in run.err
    assert path.read_text() == BEFORE


def test_a_parameter_can_be_meant_for_a_template_that_is_not_readable(tmp_path: Path) -> None:
    run = image_pinner("update", "--parameter", "Tag=2", str(saved(tmp_path, BEFORE)), str(tmp_path / "missing.yaml"))
    assert run.code == 2
    assert "missing.yaml" in run.err
    assert "declares" not in run.err


def test_digests_of_tags_are_updated_and_everything_else_stays(tmp_path: Path) -> None:
    path = saved(tmp_path, BEFORE)
    registry = InMemoryRegistry(has_every_image=True)

    run = image_pinner("update", str(path), resolvers=registry)

    assert run.code == 0
    assert path.read_text() == AFTER
    assert {str(lookup.reference) for lookup in registry.image_lookups} == {"docker.io/shop/web:1"}
    assert {str(lookup.platform) for lookup in registry.image_lookups} == {"None", "linux/arm64"}
    lines = run.text.splitlines()
    assert lines[0] == (
        f"{path}:12:18: Resources.Web.Properties.ContainerDefinitions[0].Image: shop/web:1@{OLD} -> {NEW}"
    )
    assert len(lines) == 3
    assert run.err == (
        "Updated 3 images (0 up to date).\nSkipped 1 image with a digest and no tag, or not written as plain text.\n"
    )


def test_updating_again_changes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, AFTER)
    before = state(path)

    run = image_pinner("update", str(path))

    assert (run.code, run.text) == (0, "")
    assert run.err.startswith("Updated 0 images (3 up to date).\n")
    assert state(path) == before


@pytest.mark.parametrize(("text", "code"), [(BEFORE, 1), (AFTER, 0)])
def test_a_check_writes_nothing_and_fails_if_a_digest_is_out_of_date(text: str, code: int, tmp_path: Path) -> None:
    path = saved(tmp_path, text)
    before = state(path)

    run = image_pinner("update", "--check", str(path))

    assert run.code == code
    assert len(run.text.splitlines()) == (3 if code else 0)
    assert ("help: run image-pinner update without --check" in run.err) is bool(code)
    assert state(path) == before


def test_a_check_reads_standard_input() -> None:
    assert image_pinner("update", "--check", "-", stdin=BEFORE.encode()).code == 1


def test_a_template_without_a_tag_and_a_digest_is_reported(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAIN)
    run = image_pinner("update", str(path))
    assert (run.code, run.text) == (0, "")
    assert run.err == f"{path} has no image with a tag and a digest.\n"


def test_images_that_are_skipped_are_not_updated(tmp_path: Path) -> None:
    text = BEFORE.replace("  Web:\n", "  Web:\n    Metadata: {ImagePinner: {Pin: Skip}}\n")
    path = saved(tmp_path, text)
    assert image_pinner("update", str(path)).code == 0
    # A marker of the image takes precedence.
    assert path.read_text().count(OLD) == text.count(OLD) - 2


def test_a_parameter_can_be_meant_for_another_template(tmp_path: Path) -> None:
    one, other = saved(tmp_path, BEFORE, "one.yaml"), saved(tmp_path, PLAIN, "other.yaml")
    assert image_pinner("update", "--parameter", "Arch=X86_64", str(one), str(other)).code == 0


def test_templates_in_json_are_updated(tmp_path: Path) -> None:
    text = (
        '{"Resources": {"W": {"Type": "AWS::ECS::TaskDefinition", "Properties":'
        f' {{"ContainerDefinitions": [{{"Name": "w", "Image": "shop/web:1@{OLD}"}}]}}}}}}}}'
    )
    path = saved(tmp_path, text, "web.json")
    assert image_pinner("update", str(path)).code == 0
    assert path.read_text() == text.replace(OLD, NEW)


def test_functions_and_images_without_a_tag_are_not_read_as_plain_text(tmp_path: Path) -> None:
    images = (
        '!Sub "!PinDigest ${Unknown}.example.com/web:1"',
        '!If [Never, "shop/web:1@OLD", !Ref "AWS::NoValue"]',
        '!Join ["", ["shop/web:1@", "OLD"]]',
        '"!PinDigestshop/web:1"',
    )
    containers = "".join(f"        - {{Name: n{number}, Image: {image}}}\n" for number, image in enumerate(images))
    text = (BEFORE.partition("        - Name")[0] + containers).replace("OLD", OLD)
    path = saved(tmp_path, text)

    run = image_pinner("update", str(path))

    assert run.code == 0
    assert path.read_text() == text.replace(f'[Never, "shop/web:1@{OLD}"', f'[Never, "shop/web:1@{NEW}"')
    assert "Skipped 1 image with a digest and no tag, or not written as plain text.\n" in run.err
