"""`image-pinner update`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from support.images import index, single
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
          Image: !Sub "${Repository.RepositoryUri}:1@OLD"
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
        "Updated 3 images (0 up to date).\n"
        "Skipped 1 image: the value is not known before the deployment.\n"
        "Skipped 1 image: no tag to look up.\n"
    )


def test_updating_again_changes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, AFTER)
    before = state(path)

    run = image_pinner("update", str(path))

    assert (run.code, run.text) == (0, "")
    assert run.err.startswith("Updated 0 images (3 up to date).\n")
    assert state(path) == before


def test_an_option_that_does_not_apply_to_digests_causes_no_warning(tmp_path: Path) -> None:
    options = "Refresh=OnChange Record=None WhenMissing=KeepTag"
    path = saved(tmp_path, BEFORE.replace("Platform=linux/arm64", options))
    run = image_pinner("update", str(path))
    assert (run.code, run.err.partition("\n")[0]) == (0, "Updated 3 images (0 up to date).")


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
        f' {{"ContainerDefinitions": [{{"Name": "w", "Image": "shop\\/web:1@{OLD}"}}]}}}}}}}}'
    )
    path = saved(tmp_path, text, "web.json")
    assert image_pinner("update", str(path)).code == 0
    assert path.read_text() == text.replace(OLD, NEW)


def in_containers(*images: str) -> str:
    """Write a template with these images, whose digest is OLD."""
    containers = "".join(
        f"        - Name: n{number}\n          Image: {image}\n" for number, image in enumerate(images)
    )
    return (TAGGED.partition("        - Name")[0] + containers).replace("OLD", OLD)


@pytest.mark.parametrize(
    "image",
    [
        "!Sub shop/web:1@OLD",
        '!Sub "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/web:1@OLD" # the ECR form',
        "!Sub ['!PinDigest ${R}/web:1@OLD', {R: shop}]",
        '!Join ["", ["shop/web:1@", "OLD"]]',
        '!If [Never, "shop/web:1@OLD", !Ref "AWS::NoValue"]',
        "!PinDigest shop/web:1@OLD",
        "!PinDigest {Image: shop/web:1@OLD, Platform: Any}",
        "{Fn::Transform: {Name: ImagePinner, Parameters: {Image: 'shop/web:1@OLD'}}}",
        ">-  # one line\n            shop/web:1@OLD\n",
        "|\n            shop/web:1@OLD",
        '"!PinDigest\n            shop/web:1@OLD"',
        '"shop\\/web:1\\x40OLD"',
        "&image shop/web:1@OLD\n        - {Name: other, Image: *image}",
        (
            "shop/web:1@OLD\n        - &base\n          Name: a\n          Image: shop/web:1@OLD\n"
            "        - <<: *base\n          Name: b"
        ),
    ],
)
def test_the_digest_in_the_text_of_an_image_is_replaced_and_nothing_else(image: str, tmp_path: Path) -> None:
    text = in_containers(image)
    path = saved(tmp_path, text)

    run = image_pinner("update", str(path), "--account", "111122223333")

    assert run.code == 0, run.err
    assert OLD not in path.read_text()
    assert re.sub(r"sha256:\w{64}", OLD, path.read_text()) == text
    assert "Skipped" not in run.err
    assert image_pinner("update", "--check", str(path), "--account", "111122223333").code == 0


def test_a_digest_that_is_written_with_escapes_is_rewritten(tmp_path: Path) -> None:
    path = saved(tmp_path, in_containers('"shop/web:1@\\x73ha256:' + "1" * 64 + '"'))
    assert image_pinner("update", str(path)).code == 0
    assert f'Image: "shop/web:1@{NEW}"' in path.read_text()


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (["!Ref Image"], "the digest is not written in the property"),
        (["!FindInMap [Images, web, image]"], "the digest is not written in the property"),
        (["shop/web@OLD"], "no tag to look up"),
        (['!Sub "${Repository.RepositoryUri}:1@OLD"'], "the value is not known before the deployment"),
        (["!Sub '{{resolve:ssm:/repository}}:1@OLD'"], "the value is not known before the deployment"),
    ],
)
def test_images_that_cannot_be_updated_are_counted(images: list[str], reason: str, tmp_path: Path) -> None:
    parameter = f"  Image: {{Type: String, Default: 'shop/web:1@{OLD}'}}\n"
    mapping = f"Mappings:\n  Images: {{web: {{image: 'shop/web:1@{OLD}'}}}}\n"
    text = in_containers(*images).replace("Conditions:\n", f"{parameter}{mapping}Conditions:\n")
    path = saved(tmp_path, text)

    run = image_pinner("update", str(path))

    assert (run.code, run.err) == (0, f"Skipped 1 image: {reason}.\n")
    assert path.read_text() == text


def test_a_value_that_the_user_can_set_is_not_skipped(tmp_path: Path) -> None:
    path = saved(tmp_path, in_containers('!Sub "${AWS::AccountId}.example.com/web:1@OLD"'))
    run = image_pinner("update", "--check", str(path))
    assert run.code == 3
    assert "cannot resolve image: the AWS account ID is unknown" in run.err
    assert "help: pass --account, or configure AWS credentials" in run.err


def test_images_without_a_digest_are_not_counted(tmp_path: Path) -> None:
    path = saved(tmp_path, in_containers('!Sub "!PinDigest ${Unknown}.example.com/web:1"', '"!PinDigestshop/web:1"'))
    run = image_pinner("update", str(path))
    assert (run.code, run.err) == (0, f"{path} has no image with a tag and a digest.\n")


@pytest.mark.parametrize(
    "other",
    [
        (
            "  Job:\n    Type: AWS::Batch::JobDefinition\n    Metadata: {ImagePinner: {Pin: Skip}}\n"
            "    Properties: {ContainerProperties: {Image: *image}}\n"
        ),
        "  Function:\n    Type: AWS::Lambda::Function\n    Properties: {Code: {ImageUri: *image}}\n",
    ],
)
def test_an_alias_of_an_image_that_must_have_another_digest_is_an_error(other: str, tmp_path: Path) -> None:
    child = single("shop/web", "1-amd64", "web")
    several = index("shop/web", "1", [("linux/amd64", child), ("linux/arm64", single("shop/web", "1-arm64", "web"))])
    registry = InMemoryRegistry()
    for image in (child, several):
        registry.push(f"docker.io/{image}", image.manifest, image.media_type)
    text = in_containers("&image shop/web:1@OLD") + other
    path = saved(tmp_path, text)

    run = image_pinner("update", str(path), resolvers=registry)

    assert run.code == 2, run.err
    assert f"error: {path}:" in run.err
    assert "alias" in run.err
    assert path.read_text() == text
