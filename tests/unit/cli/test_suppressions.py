"""Suppressions in Metadata and in YAML comments: what they cover, and what is wrong with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from image_pinner.cli.checking import CheckInputs, check_document, check_file, find_all
from image_pinner.cli.discovery import InputFile
from image_pinner.cli.inputs import read_template
from image_pinner.cli.suppressions import suppress
from image_pinner.core.rules import RULES, UNPINNED_IMAGE
from image_pinner.settings import Settings
from support.command import image_pinner
from unit.cli.cli_templates import saved

REASON = "it follows the tag"
INPUTS = CheckInputs(Settings(), {})
HEAD = "Resources:\n  Web:\n    Type: AWS::ECS::TaskDefinition\n"
CONTAINERS = "    Properties:\n      ContainerDefinitions:\n        - Name: web\n"


def findings(text: str, folder: Path, inputs: CheckInputs = INPUTS) -> list[tuple[str, str, str]]:
    """Return position, code and reason of the findings that are not advice."""
    found = check_file(InputFile(str(saved(folder, text)), "template.yaml"), inputs)
    return [
        (str(each.position), each.finding.rule.code, each.suppression)
        for each in found
        if each.finding.rule.severity.value != "info"
    ]


def image(line: str, before: str = "", after: str = "") -> str:
    return f"{HEAD}{CONTAINERS}{before}          Image: {line}\n{after}"


@pytest.mark.parametrize("rules", ["IP001", "unpinned-image", "IP014, IP001", " IP001 "])
def test_a_comment_suppresses_the_finding_on_its_line(rules: str, tmp_path: Path) -> None:
    found = findings(image(f"nginx:1  # image-pinner: ignore[{rules}] {REASON}"), tmp_path)

    assert found == [("7:18", "IP001", REASON)]


@pytest.mark.parametrize(
    "before",
    ["          # image-pinner: ignore[IP001] {}\n", "          # image-pinner: ignore[IP001] {}\n\n  # other\n"],
)
def test_a_comment_on_its_own_line_covers_the_next_line(before: str, tmp_path: Path) -> None:
    found = findings(image("nginx:1", before.format(REASON)), tmp_path)

    assert [(code, reason) for _, code, reason in found] == [("IP001", REASON)]


def test_a_comment_covers_no_other_line(tmp_path: Path) -> None:
    text = image("nginx:1").replace("- Name: web\n", f"- Name: web  # image-pinner: ignore[IP001] {REASON}\n")

    assert findings(text, tmp_path) == [("6:22", "IP019", ""), ("7:18", "IP001", "")]


NOT_COMMENTS = {
    "double quotes": image('"nginx:1"', after='          Command: ["a # image-pinner: ignore[IP001] x"]\n'),
    "a literal block": image("nginx:1", before="          Command: |\n            # image-pinner: ignore[IP001] x\n"),
    "a folded block": image("nginx:1", before="          Command: >-\n            # image-pinner: ignore[IP001] x\n"),
    "a word": image("nginx:1", after="          User: a#image-pinner:ignore[IP001]\n"),
}


@pytest.mark.parametrize("text", NOT_COMMENTS.values(), ids=NOT_COMMENTS)
def test_a_text_is_not_a_suppression(text: str, tmp_path: Path) -> None:
    assert [code for _, code, _ in findings(text, tmp_path)] == ["IP001"]


def test_json_has_no_comments(tmp_path: Path) -> None:
    container = {"Name": "web", "Image": "nginx:1", "Command": ["# image-pinner: ignore[IP001] x"]}
    web = {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}}

    assert [code for _, code, _ in findings(json.dumps({"Resources": {"Web": web}}), tmp_path)] == ["IP001"]


INVALID = {
    "no reason": ("ignore[IP001]", "the suppression of IP001 unpinned-image has no reason"),
    "an unknown rule": ("ignore[IP02] x", "unknown rule 'IP02' (did you mean 'IP020'?)"),
    "a name like no other": ("ignore[everything] x", "unknown rule 'everything'"),
    "no rules": ("ignore x", "a suppression without the codes of rules"),
    "an empty list": ("ignore[] x", "a suppression without the codes of rules"),
    "an empty name": ("ignore[IP001,] x", "a suppression without the codes of rules"),
    "a rule about files": ("ignore[IP000] x", "IP000 unreadable-template cannot be suppressed"),
    "a rule about suppressions": ("ignore[unused-suppression] x", "IP019 unused-suppression cannot be suppressed"),
    "this rule": ("ignore[IP020] x", "IP020 invalid-suppression cannot be suppressed"),
}


@pytest.mark.parametrize(("comment", "cause"), INVALID.values(), ids=INVALID)
def test_an_invalid_comment_is_a_finding_and_suppresses_nothing(comment: str, cause: str, tmp_path: Path) -> None:
    found = check_file(
        InputFile(str(saved(tmp_path, image(f"nginx:1  # image-pinner: {comment}"))), "template.yaml"), INPUTS
    )

    shown = [(str(each.position), each.finding.rule.code, each.finding.cause) for each in found]
    assert ("7:27", "IP020", cause) in shown
    assert ("7:18", "IP001", "image 'nginx:1' is not pinned") in shown
    assert not any(each.suppression for each in found)


def test_another_comment_of_the_program_is_not_a_suppression(tmp_path: Path) -> None:
    assert findings(image("nginx:1  # image-pinner: see the docs"), tmp_path) == [("7:18", "IP001", "")]


def metadata(content: str, owner: str = "resource") -> str:
    entry = f"Metadata: {{ImagePinner: {{Ignore: {content}}}}}\n"
    if owner == "resource":
        return f"{HEAD}    {entry}{CONTAINERS}          Image: nginx:1\n"
    return f"{entry}{HEAD}{CONTAINERS}          Image: nginx:1\n"


@pytest.mark.parametrize("owner", ["resource", "template"])
@pytest.mark.parametrize("name", ["IP001", "unpinned-image"])
def test_metadata_suppresses_the_findings_of_a_resource_or_a_template(name: str, owner: str, tmp_path: Path) -> None:
    found = findings(metadata(f"{{{name}: {REASON}}}", owner), tmp_path)

    assert [(code, reason) for _, code, reason in found] == [("IP001", REASON)]


def test_metadata_of_a_resource_covers_no_other_resource(tmp_path: Path) -> None:
    job = f"  Job:\n    Type: AWS::ECS::TaskDefinition\n{CONTAINERS}          Image: nginx:2\n"

    found = findings(metadata(f"{{IP001: {REASON}}}") + job, tmp_path)

    assert [(code, reason) for _, code, reason in found] == [("IP001", REASON), ("IP001", "")]


@pytest.mark.parametrize("content", ["{IP001: ''}", "{IP001: true}", "{IP999: x}", "{IP020: x}", "IP001", "[IP001]"])
def test_invalid_metadata_is_a_finding(content: str, tmp_path: Path) -> None:
    assert sorted(code for _, code, _ in findings(metadata(content), tmp_path)) == ["IP001", "IP020"]


def test_a_suppression_of_nothing_is_a_finding_unless_its_rule_is_deselected(tmp_path: Path) -> None:
    text = metadata("{IP001: x, IP015: x}")

    assert [code for _, code, _ in findings(text, tmp_path)] == ["IP019", "IP001"]
    assert [code for _, code, _ in findings(text, tmp_path, INPUTS._replace(is_selected=UNPINNED_IMAGE.__eq__))] == [
        "IP001"
    ]


def test_an_error_can_be_suppressed_in_check_and_pin_still_refuses_it(tmp_path: Path) -> None:
    path = str(
        saved(tmp_path, "Transform: ImagePinner\n" + metadata("{IP003: x}").replace("nginx:1", '"!PinDigest A"'))
    )

    check, pin = image_pinner("check", path), image_pinner("pin", path)

    assert (check.code, check.text) == (0, "The template passes. 1 finding suppressed.\n")
    assert pin.code == 1
    assert "'A' is not a valid image reference" in pin.err


@pytest.mark.parametrize("owner", ["resource", "template"])
def test_pin_ignores_suppressions_in_metadata(owner: str, tmp_path: Path) -> None:
    text = metadata("{IP001: x}", owner).replace("nginx:1", '"!PinDigest nginx:1"')

    pin = image_pinner("pin", str(saved(tmp_path, text)))

    assert (pin.code, pin.err.startswith("Pinned 1 image")) == (0, True), pin.err


def test_a_suppression_is_not_an_option_of_a_transform(tmp_path: Path) -> None:
    text = "Transform: [{Name: ImagePinner, Parameters: {Ignore: x}}]\n" + image('"!PinDigest nginx:1"')

    assert "unknown option 'Ignore'" in image_pinner("pin", str(saved(tmp_path, text))).err


def test_only_what_is_not_suppressed_is_returned_for_a_document(tmp_path: Path) -> None:
    template = read_template(str(saved(tmp_path, metadata(f"{{IP014: {REASON}}}"))), "ImagePinner")

    assert [each.suppression for each in find_all(template, INPUTS)] == ["", REASON]
    assert [each.finding.rule.code for each in check_document(template, INPUTS)] == ["IP001"]


SUPPRESSED = f"        - {{Name: web, Image: nginx:1}} # image-pinner: ignore[IP001] {REASON}\n"
COMMENT = f"# image-pinner: ignore[IP001] {REASON}\n"


@pytest.mark.parametrize("lines", [(SUPPRESSED, ""), (COMMENT, SUPPRESSED)], ids=["after values", "above a value"])
def test_many_suppressions_are_matched_in_linear_time(lines: tuple[str, str], tmp_path: Path) -> None:
    def calls(number: int) -> int:
        text = HEAD + CONTAINERS.removesuffix("        - Name: web\n") + lines[0] * number + lines[1]
        template = read_template(str(saved(tmp_path, text)), "ImagePinner")
        found = [each._replace(suppression="") for each in find_all(template, INPUTS)]
        count = 0

        def profile(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(profile)
        try:
            suppressed = [each for each in suppress(found, template.document, RULES) if each.suppression]
        finally:
            sys.setprofile(None)
        assert len(suppressed) == text.count("Image:")
        return count

    assert calls(400) < 5 * calls(100)
