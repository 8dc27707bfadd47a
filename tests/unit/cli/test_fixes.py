"""`check --fix`, `--diff` and `--fix --pin`: what changes, what stays, and what is reported."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, UNMARKED, saved, state

SEVERAL = """\
# stays
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web   # why
          Image: shop/web:1
        - {Name: tag, Image: !PinDigest redis:7}
        - Name: marked
          Image: "!PinDigest shop/api:1"
        - Name: wrong
          Image: "!PinDigest Plattform=linux/arm64 shop/job:1"
"""
FIXED = (
    SEVERAL.replace('-09"\n', '-09"\nTransform: ImagePinner\n')
    .replace("Image: shop/web:1", 'Image: "!PinDigest shop/web:1"')
    .replace("!PinDigest redis:7", '"!PinDigest redis:7"')
)
DIGEST = "@sha256:[0-9a-f]{64}"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_all_fixes_of_a_file_are_applied_and_the_others_are_reported(newline: str, tmp_path: Path) -> None:
    path = saved(tmp_path, SEVERAL.replace("\n", newline).encode())

    run = image_pinner("check", "--fix", str(path))

    assert path.read_bytes() == FIXED.replace("\n", newline).encode()
    assert run.code == 1
    assert run.text.count(": IP") == 1
    assert run.text.endswith("Fixed 3 problems in 1 file.\nFound 1 problem in 1 template.\n")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_template_that_passes_after_the_fixes_exits_with_0(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)

    run = image_pinner("check", "--fix", str(path))

    assert (run.code, run.text) == (0, "Fixed 1 problem in 1 file.\nThe template passes.\n")
    assert image_pinner("check", str(path)).code == 0


@pytest.mark.parametrize("text", [MARKED, "Resources: [", "a: 1\n"])
def test_a_file_without_fixes_is_not_written(text: str, tmp_path: Path) -> None:
    path = saved(tmp_path, text)
    before = state(path)

    assert image_pinner("check", "--fix", str(path)).code == (0 if text == MARKED else 2)
    assert state(path) == before


def test_a_value_behind_an_alias_is_left_with_its_finding(tmp_path: Path) -> None:
    text = UNMARKED.replace('!Sub "shop/web:${Tag}"', '&image "shop/web:1"') + "        - {Name: b, Image: *image}\n"
    path = saved(tmp_path, text)

    run = image_pinner("check", "--fix", str(path))

    assert (run.code, path.read_text()) == (1, text)
    assert "Found 2 problems in 1 template." in run.text


def test_a_file_that_cannot_be_written_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from image_pinner.cli import fix_options  # noqa: PLC0415 - replaced here only
    from image_pinner.cli.documents import FileWriteError, write_atomically  # noqa: PLC0415 - the same

    def write(path: Path, data: bytes) -> None:
        if path.name == "a.yaml":
            raise FileWriteError(f"cannot write {path}: permission denied", "check the permissions")
        write_atomically(path, data)

    monkeypatch.setattr(fix_options, "write_atomically", write)
    paths = [saved(tmp_path, UNMARKED, name) for name in ("a.yaml", "b.yaml")]

    run = image_pinner("check", "--fix", *map(str, paths))

    assert run.code == 2
    assert "permission denied" in run.err
    assert paths[0].read_text() == UNMARKED
    assert image_pinner("check", str(paths[1])).code == 0


def test_rules_that_are_not_selected_are_not_fixed(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)

    assert image_pinner("check", "--fix", "--ignore", "IP001", str(path)).code == 0
    assert path.read_text() == UNMARKED


WITHOUT_MACRO = UNMARKED.replace("# A comment that stays.\nTransform: ImagePinner\n", "")


@pytest.mark.parametrize("transform", ["", "Transform: []\n", "Transform:\n", "Transform: ''\n"])
@pytest.mark.parametrize("options", [("--select", "IP001"), ()])
def test_an_image_is_marked_only_together_with_the_transform(
    transform: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    path = saved(tmp_path, transform + WITHOUT_MACRO)

    run = image_pinner("check", "--fix", *options, str(path))

    assert (run.code, run.text) == (0, "Fixed 1 problem in 1 file.\nThe template passes.\n")
    assert path.read_text().replace("'", "").startswith("Transform: ImagePinner\n")
    assert image_pinner("check", str(path)).code == 0


def test_a_tag_is_corrected_only_together_with_the_transform(tmp_path: Path) -> None:
    path = saved(tmp_path, WITHOUT_MACRO.replace('!Sub "shop/web:${Tag}"', "!PinDigest shop/web:1"))

    assert image_pinner("check", "--fix", "--select", "IP005", str(path)).code == 0
    assert path.read_text().startswith("Transform: ImagePinner\n")


def test_an_image_is_not_marked_where_the_transform_cannot_be_edited(tmp_path: Path) -> None:
    text = "Mappings: {A: {B: {C: &name AWS::Serverless-2016-10-31}}}\nTransform: *name\n" + WITHOUT_MACRO
    path = saved(tmp_path, text)

    run = image_pinner("check", "--fix", str(path))

    assert (run.code, path.read_text()) == (1, text)
    assert "IP001" in run.text


def test_standard_input_is_fixed_to_standard_output() -> None:
    run = image_pinner("check", "--fix", "-", stdin=SEVERAL.encode())

    assert (run.code, run.text) == (1, FIXED)
    assert "Found 1 problem in 1 template." in run.err


def test_a_diff_can_be_applied_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path, SEVERAL.rstrip("\n"))
    before = state(path)

    run = image_pinner("check", "--diff", path.name)

    assert (run.code, state(path)) == (1, before)
    assert run.text.startswith(f"--- {path.name}\n+++ {path.name}\n@@ ")
    assert "Would fix 3 problems in 1 file.\n" in run.err
    subprocess.run(["git", "apply", "-p0", "-"], input=run.out, check=True, cwd=tmp_path)
    assert path.read_text() == FIXED.rstrip("\n")


def test_a_diff_of_a_template_that_passes_is_empty(tmp_path: Path) -> None:
    run = image_pinner("check", "--diff", str(saved(tmp_path)))

    assert (run.code, run.out, run.err) == (0, b"", "The template passes.\n")


def test_findings_in_a_format_go_to_a_file_and_text_to_the_terminal(tmp_path: Path) -> None:
    output = tmp_path / "report.json"

    run = image_pinner("check", "--format", "json", "--output", str(output), "--color", "always", str(saved(tmp_path)))

    assert (run.code, json.loads(output.read_text())["findings"]) == (0, [])
    assert run.text.startswith("\x1b[32mThe template passes.")
    assert run.text.endswith("\x1b[0m\n")


@pytest.mark.parametrize(
    ("arguments", "env", "coloured"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour(arguments: tuple[str, ...], env: dict[str, str], coloured: bool, tmp_path: Path) -> None:  # noqa: FBT001
    run = image_pinner("check", *arguments, str(saved(tmp_path, UNMARKED)), env=env)

    assert ("\x1b[" in run.text) is coloured


def test_unpinned_images_are_pinned_and_marked_ones_stay(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED + '        - {Name: marked, Image: "!PinDigest shop/api:1"}\n')

    run = image_pinner("check", "--fix", "--pin", str(path))

    assert (run.code, run.err) == (0, "")
    assert "Fixed 1 problem in 1 file." in run.text
    assert re.search(f"Image: .*shop/web{DIGEST}", path.read_text())
    assert "image-pinner.source: shop/web:1.0" in path.read_text()
    assert 'Image: "!PinDigest shop/api:1"' in path.read_text()


def test_an_image_that_cannot_be_resolved_is_left_with_the_reason(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)

    run = image_pinner("check", "--fix", "--pin", str(path), resolvers=InMemoryRegistry())

    assert (run.code, path.read_text()) == (3, UNMARKED)
    assert "shop/web:1.0" in run.err
    assert "IP001" in run.text


def test_a_difference_of_pinned_images_writes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path, UNMARKED)

    run = image_pinner("check", "--diff", "--pin", str(path))

    assert (run.code, path.read_text()) == (1, UNMARKED)
    assert re.search(rf"^\+ *Image: .*shop/web{DIGEST}", run.text, re.MULTILINE)


def test_pin_alone_is_refused(tmp_path: Path) -> None:
    run = image_pinner("check", "--pin", str(saved(tmp_path)))

    assert run.code == 2
    assert "--pin requires --fix or --diff" in run.err
