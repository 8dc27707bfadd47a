"""The output of `image-pinner pin`, and the files that it does not change."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from image_pinner.cli.documents import read_source
from support.command import image_pinner
from unit.cli.cli_templates import MARKED, PLAIN, REFUSED, SUMMARY, UNMARKED, digest, saved, state

PINNED = MARKED.replace(
    '!Sub "!PinDigest shop/web:${Tag}"',
    f'"shop/web@{digest("docker.io/shop/web:1.0")}"\n'
    "          DockerLabels:\n            image-pinner.source: shop/web:1.0",
).encode()


def test_the_pinned_template_is_printed_and_the_file_is_not_changed(tmp_path: Path) -> None:
    path = saved(tmp_path)

    run = image_pinner("pin", str(path))

    assert (run.code, run.out, run.err) == (0, PINNED, SUMMARY)
    assert path.read_bytes() == MARKED.encode()


def test_the_template_can_be_read_from_standard_input() -> None:
    run = image_pinner("pin", "-", stdin=MARKED.encode())

    assert (run.code, run.out, run.err) == (0, PINNED, SUMMARY)


def test_messages_name_standard_input() -> None:
    run = image_pinner("pin", "-", stdin=b"")

    assert run.code == 2
    assert "standard input is empty" in run.err


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_the_pinned_template_can_be_written_to_another_file(option: str, tmp_path: Path) -> None:
    path, other = saved(tmp_path), tmp_path / "pinned.yaml"

    run = image_pinner("pin", str(path), option, str(other))

    assert (run.code, run.out, run.err) == (0, b"", SUMMARY)
    assert other.read_bytes() == PINNED
    assert path.read_bytes() == MARKED.encode()


def test_an_output_of_a_dash_is_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    run = image_pinner("pin", str(saved(tmp_path)), "-o", "-")

    assert (run.code, run.out) == (0, PINNED)
    assert [path.name for path in tmp_path.iterdir()] == ["template.yaml"]


def test_the_pinned_template_can_be_written_in_place(tmp_path: Path) -> None:
    path = saved(tmp_path)
    path.chmod(0o640)

    run = image_pinner("pin", "--in-place", str(path))

    assert (run.code, run.out) == (0, b"")
    assert path.read_bytes() == PINNED
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["template.yaml"]


@pytest.mark.parametrize("text", [UNMARKED.encode(), PLAIN.encode(), PINNED])
def test_a_file_without_images_to_pin_is_not_written(text: bytes, tmp_path: Path) -> None:
    path = saved(tmp_path, text)
    os.utime(path, ns=(1, 1))
    before = state(path)

    assert image_pinner("pin", "--in-place", str(path)).code == 0

    assert state(path) == before


def test_a_failure_writes_no_template(tmp_path: Path) -> None:
    path, other = saved(tmp_path, REFUSED), tmp_path / "pinned.yaml"
    before = state(path)

    printed = image_pinner("pin", str(path))
    written = image_pinner("pin", str(path), "-o", str(other))
    in_place = image_pinner("pin", "--in-place", str(path))

    assert [run.code for run in (printed, written, in_place)] == [1, 1, 1]
    assert [run.out for run in (printed, written, in_place)] == [b"", b"", b""]
    assert not other.exists()
    assert state(path) == before


def test_in_place_is_rejected_with_an_output(tmp_path: Path) -> None:
    path, other = saved(tmp_path), tmp_path / "pinned.yaml"

    run = image_pinner("pin", "--in-place", "-o", str(other), str(path))

    assert run.code == 2
    assert not other.exists()
    assert path.read_bytes() == MARKED.encode()


def test_in_place_is_rejected_with_standard_input() -> None:
    assert image_pinner("pin", "--in-place", "-", stdin=MARKED.encode()).code == 2


@pytest.mark.parametrize("output", [(), ("--in-place",)])
def test_a_report_that_would_overwrite_the_template_is_rejected(output: tuple[str, ...], tmp_path: Path) -> None:
    path = saved(tmp_path)

    run = image_pinner("pin", str(path), "--report", str(tmp_path / "." / path.name), *output)

    assert (run.code, run.out) == (2, b"")
    assert path.read_bytes() == MARKED.encode()


def test_a_report_that_would_overwrite_the_output_is_rejected(tmp_path: Path) -> None:
    other = tmp_path / "out"

    run = image_pinner("pin", str(saved(tmp_path)), "--report", str(other), "-o", str(other))

    assert (run.code, run.out) == (2, b"")
    assert not other.exists()


@pytest.mark.parametrize(("text", "code"), [(MARKED, 0), (REFUSED, 1)])
def test_the_report_can_be_printed(text: str, code: int, tmp_path: Path) -> None:
    run = image_pinner("pin", "--in-place", "--report", "-", str(saved(tmp_path, text)))

    assert run.code == code
    assert json.loads(run.text)["status"] == ("failure" if code else "success")
    assert [file.name for file in tmp_path.iterdir()] == ["template.yaml"]


def test_the_report_on_standard_input_can_be_printed(tmp_path: Path) -> None:
    run = image_pinner("pin", "-", "-o", str(tmp_path / "out"), "--report", "-", stdin=MARKED.encode())

    assert (run.code, json.loads(run.text)["status"]) == (0, "success")
    assert (tmp_path / "out").read_bytes() == PINNED


@pytest.mark.parametrize("options", [("--report", "-"), ("--report", "-", "-o", "-")])
def test_standard_output_has_one_content(options: tuple[str, ...], tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), *options)

    assert (run.code, run.out) == (2, b"")
    assert run.err == "error: only one output can be standard output\nhelp: write the others to files\n"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encoding_byte_order_mark_and_line_endings_are_kept(codec: str, newline: str, tmp_path: Path) -> None:
    path = saved(tmp_path, MARKED.replace("\n", newline).encode(codec))

    run = image_pinner("pin", str(path))

    assert run.code == 0, run.err
    assert run.out == PINNED.decode().replace("\n", newline).encode(codec)


def test_an_account_id_with_a_leading_zero_stays_a_string(tmp_path: Path) -> None:
    text = MARKED.replace('"1.0"', "012345670123").replace("shop/web:", "${Tag}.dkr.ecr.us-east-1.amazonaws.com/x:")

    run = image_pinner("pin", str(saved(tmp_path, text)))

    tree = read_source(run.out, "pinned").tree
    assert "Default: 012345670123" in run.text
    assert tree["Parameters"]["Tag"]["Default"] == "012345670123"
    image = tree["Resources"]["Web"]["Properties"]["ContainerDefinitions"][0]["Image"]
    assert image.startswith("012345670123.dkr.ecr.us-east-1.amazonaws.com/x@sha256:")


def test_pinning_a_pinned_template_changes_nothing(tmp_path: Path) -> None:
    once = image_pinner("pin", str(saved(tmp_path))).out

    assert image_pinner("pin", "-", stdin=once).out == once


def test_a_removed_comment_is_reported(tmp_path: Path) -> None:
    value = '!Join [":", ["!PinDigest shop/web", # why 1\n            "1"]]'
    text = MARKED.replace('!Sub "!PinDigest shop/web:${Tag}"', value)

    run = image_pinner("pin", str(saved(tmp_path, text)))

    assert run.code == 0
    assert ("why 1" in run.text) is ("comment" not in run.err)


def test_a_template_that_cannot_be_edited_has_no_report_of_success(tmp_path: Path) -> None:
    text = MARKED.replace('!Sub "!PinDigest', '&image !Sub "!PinDigest') + "        - {Name: other, Image: *image}\n"
    path, report = saved(tmp_path, text), tmp_path / "report.json"
    before = state(path)

    run = image_pinner("pin", "--in-place", str(path), "--report", str(report))

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith("error: ")
    assert not report.exists()
    assert state(path) == before
