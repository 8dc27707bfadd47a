"""Output formats: what their readers accept, and names and texts that they must escape."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from image_pinner.cli.documents import Excerpt, Position
from image_pinner.cli.output import FORMATS, CheckResult, LocatedFinding, TextOptions, fingerprints, render_findings
from image_pinner.core.check.findings import Finding
from image_pinner.core.rules import UNPINNED_IMAGE, UNREADABLE_TEMPLATE
from image_pinner.core.template.paths import TemplatePath
from support.command import image_pinner
from support.sarif import sarif_errors
from unit.cli.cli_templates import saved

HOSTILE = "100%, a:b|c <script>&\"'`x` @team [link](x) \r\n::error::injected ]]> \x07 日本"
PATH = TemplatePath(("Resources", "Web", "Properties", "ContainerDefinitions", 0, "Image"))
TEMPLATE = """\
Transform: ImagePinner
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - {Name: web, Image: "nginx:1"}
        - {Name: api, Image: "shop/api:1"}
"""


def finding(cause: str = "image 'nginx:1' is not pinned", **changes: Any) -> LocatedFinding:
    found = LocatedFinding(
        "web.yaml",
        Position(8, 18),
        Position(8, 25),
        Finding(UNPINNED_IMAGE, PATH, cause, "mark the image"),
        "Web / web",
    )
    return found._replace(**changes)


def rendered(format_: str, *findings: LocatedFinding, files: tuple[str, ...] = ("web.yaml",)) -> str:
    return render_findings(CheckResult(findings, files), format_, TextOptions())


@pytest.mark.parametrize("format_", FORMATS)
def test_hostile_text_stays_in_its_field(format_: str) -> None:
    hostile = finding(HOSTILE, subject=HOSTILE, file="a b%,:.yaml")

    text = rendered(format_, hostile, files=("a b%,:.yaml",))

    readers: dict[str, Callable[[str], Any]] = {
        "json": json.loads,
        "sarif": lambda log: sarif_errors(log) == [],
        "gitlab": json.loads,
        "junit": lambda report: ET.fromstring(report).tag == "testsuites",
        "github": lambda lines: lines.count("\n") == 1 and not lines.partition("\n::")[2],
        "markdown": lambda table: table.count("\n") == 7 and "<script>" not in table and "@team" not in table,
    }
    if format_ in readers:
        assert readers[format_](text)


def test_github_reads_the_properties_of_an_annotation() -> None:
    line = rendered("github", finding("100%: a\r\nb", file="a,b:c%.yaml", subject=""))

    assert line == (
        "::warning file=a%2Cb%3Ac%25.yaml,line=8,col=18,endColumn=25,title=IP001 unpinned-image::"
        "100%25: a%0D%0Ab%0Ahelp: mark the image\n"
    )


def test_a_value_of_several_lines_has_no_columns_on_github() -> None:
    assert "line=8,endLine=10,title=" in rendered("github", finding(end=Position(10, 3)))


def test_gitlab_gets_distinct_fingerprints_for_the_same_property() -> None:
    issues = json.loads(rendered("gitlab", finding(), finding(position=Position(9, 18))))

    assert len({issue["fingerprint"] for issue in issues}) == 2


def test_a_fingerprint_depends_on_the_property_and_not_on_lines_or_the_tag() -> None:
    moved = finding("image 'nginx:2' is not pinned", position=Position(80, 1))
    other = finding(subject="Web / api")

    assert fingerprints([finding()]) == fingerprints([moved])
    assert fingerprints([finding()]) != fingerprints([other])


def test_junit_has_a_test_suite_for_each_file_and_an_error_for_unreadable_ones() -> None:
    unreadable = finding(file="b.yaml", finding=Finding(UNREADABLE_TEMPLATE, TemplatePath(), "invalid YAML", "fix it"))

    suites = ET.fromstring(rendered("junit", finding(), unreadable, files=("web.yaml", "b.yaml", "c.yaml")))

    assert suites.attrib == {"name": "image-pinner", "tests": "3", "failures": "1", "errors": "1"}
    assert [[child.tag for case in suite for child in case] for suite in suites] == [["failure"], ["error"], []]


def test_markdown_fits_into_a_comment() -> None:
    text = rendered("markdown", *[finding() for _ in range(5_000)])

    assert len(text) < 65_000
    assert text.endswith(" more are not shown.\n")


def test_text_shows_a_bounded_number_of_excerpts() -> None:
    found = [
        finding(f"image 'nginx:{number}' is not pinned", excerpt=Excerpt("x" * 120, 3, 9)) for number in range(500)
    ]

    text = rendered("full", *found)

    assert text.count(": IP001 ") == 500
    assert text.count("help: ") == 100
    assert "Excerpts and help are shown for the first 100 of 500 causes.\n" in text


def test_images_that_are_not_known_share_their_lines_only_with_the_same_fix(tmp_path: Path) -> None:
    images = ('!Sub "shop/web:${Tag}"', '!Sub "shop/api:${Tag}"', '!Sub "shop/web:${Tag}"')
    containers = "".join(f"        - {{Name: c{number}, Image: {image}}}\n" for number, image in enumerate(images))
    path = saved(tmp_path, f"Parameters: {{Tag: {{Type: String}}}}\n{TEMPLATE.partition('        -')[0]}{containers}")

    text = image_pinner("check", str(path)).text

    assert text.count(": IP001 image Fn::Sub 'shop/") == 3
    assert text.count("help: ") == 2
    assert [image for image in ("web", "api") if f'!Sub "!PinDigest shop/{image}:${{Tag}}"' in text] == ["web", "api"]


def test_a_caret_is_below_its_value_after_wide_characters_and_tabs() -> None:
    text = rendered("full", finding(excerpt=Excerpt("\t日本: x", 5, 1)))

    assert "8 | \t日本: x\n  | \t      ^\n" in text


def test_an_absolute_path_is_a_uri_of_its_own_in_sarif() -> None:
    def uri(file: str) -> dict[str, str]:
        (result,) = json.loads(rendered("sarif", finding(file=file), files=(file,)))["runs"][0]["results"]
        location: dict[str, str] = result["locations"][0]["physicalLocation"]["artifactLocation"]
        return location

    assert uri("a b/ä.yaml") == {"uri": "a%20b/%C3%A4.yaml", "uriBaseId": "%SRCROOT%"}
    assert uri("/templates/a b.yaml") == {"uri": "file:///templates/a%20b.yaml"}


def test_the_fixes_in_sarif_are_the_edits_of_the_file(tmp_path: Path) -> None:
    log = json.loads(image_pinner("check", "--format", "sarif", str(saved(tmp_path, TEMPLATE))).out)

    lines = TEMPLATE.splitlines()
    for result in log["runs"][0]["results"]:
        (change,) = result["fixes"][0]["artifactChanges"]
        for replacement in change["replacements"]:
            region = replacement["deletedRegion"]
            line = lines[region["startLine"] - 1]
            before, after = line[: region["startColumn"] - 1], line[region["endColumn"] - 1 :]
            lines[region["startLine"] - 1] = before + replacement["insertedContent"]["text"] + after
    assert image_pinner("check", str(saved(tmp_path, "\n".join(lines)))).code == 0


def test_a_name_in_the_template_adds_no_line_and_no_control_character_to_text(tmp_path: Path) -> None:
    text = TEMPLATE.replace("Name: web", r'Name: "web\n::error::injected\x1b[31m' + "x" * 9_000 + '"')

    first, *_ = image_pinner("check", "--format", "concise", str(saved(tmp_path, text))).text.splitlines()

    assert "(Web / web\ufffd::error::injected\ufffd[31mxxx" in first
    assert len(first) < 600


@pytest.mark.parametrize("name", ["empty", "findings", "parse-errors"])
def test_the_schema_accepts_sarif(name: str, tmp_path: Path) -> None:
    text = {"empty": TEMPLATE.replace('"nginx', '"!PinDigest nginx'), "findings": TEMPLATE, "parse-errors": "a: ["}[
        name
    ]

    run = image_pinner("check", "--format", "sarif", str(saved(tmp_path, text)))

    assert sarif_errors(run.text) == []
