from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.images.lookups import OCI_MANIFEST, Origin, Resolved
from image_pinner.core.images.references import Digest
from image_pinner.core.report import REPORT_VERSION, PinReport, error_line, most_severe
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from support.templates import ABSENT, ECR, EveryDigest, pin, task, template_of

DIGEST, INDEX = Digest(f"sha256:{'1' * 64}"), Digest(f"sha256:{'2' * 64}")


def problem(name: str, cause: str = "it is bad", help: str = "", kind: ProblemKind = ProblemKind.TEMPLATE) -> Problem:
    return Problem(TemplatePath(("Resources", name)), kind, cause, help)


class TestErrorLine:
    def test_one_problem_is_told_whole(self) -> None:
        assert error_line([problem("A", help="Mend it")]) == "Resources.A: it is bad. Mend it."

    def test_all_that_fit_are_told_the_worst_first(self) -> None:
        problems = [problem("A"), problem("B", kind=ProblemKind.LOOKUP), problem("C", kind=ProblemKind.POLICY)]
        assert error_line(problems) == "Resources.C: it is bad. Resources.B: it is bad. Resources.A: it is bad."

    def test_the_rest_is_counted(self) -> None:
        line = error_line([problem(f"R{number:03}") for number in range(100)])
        assert len(line) <= 1000
        shown = line.count("it is bad")
        assert line.endswith(f"it is bad. (+{100 - shown} more)")
        assert 1 < shown < 100

    def test_a_problem_that_stands_twice_is_told_and_counted_once(self) -> None:
        assert error_line([problem("A"), problem("A")]) == "Resources.A: it is bad."

    def test_a_problem_longer_than_the_line_is_cut_where_it_is_shown(self) -> None:
        line = error_line([problem("A", "x" * 5_000), problem("B")])
        assert len(line) == 1000
        assert line.endswith("x… (+1 more)")
        assert len(error_line([problem("A", "x" * 5_000)])) == 1000

    def test_it_is_one_line_whatever_the_causes_hold(self) -> None:
        assert error_line([problem("A\nB", "a\n\tb\r\nc\u2028d")]) == "Resources['A\\nB']: a b c d."

    @pytest.mark.parametrize("limit", range(20, 200, 7))
    def test_the_limit_holds_for_every_number_and_length_of_problems(self, limit: int) -> None:
        for count in (1, 2, 9, 10, 11, 101):
            for length in (1, 30, 31, 32, 90, 500):
                problems = [problem(f"R{number}", "y" * length) for number in range(count)]
                assert 0 < len(error_line(problems, limit)) <= limit

    def test_the_gravest_kind_is_the_first(self) -> None:
        assert most_severe([problem("A"), problem("B", kind=ProblemKind.LOOKUP)]) is ProblemKind.LOOKUP
        assert most_severe([problem("A"), problem("B", kind=ProblemKind.POLICY)]) is ProblemKind.POLICY


class TestJson:
    def test_an_empty_report_has_all_its_sections(self) -> None:
        assert PinReport().to_json() == {
            "version": REPORT_VERSION,
            "status": "success",
            "images": [],
            "problems": [],
            "warnings": [],
        }

    def test_success(self) -> None:
        template = {
            "Resources": {
                "Web": task("!PinDigest nginx:1"),
                "Plain": task("redis:1"),
                "Kept": task("!PinDigest WhenMissing=KeepTag gone:1"),
                "Fn": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {"Code": {"ImageUri": f"!PinDigest {ECR}/fn:1"}},
                },
            }
        }
        digests = EveryDigest(
            {
                "docker.io/library/gone:1": ABSENT,
                f"{ECR}/fn:1": Resolved(
                    DIGEST, OCI_MANIFEST, Origin("ecr", "BatchGetImage", INDEX), warnings=("it is old",)
                ),
                "docker.io/library/nginx:1": Resolved(DIGEST, OCI_MANIFEST, Origin("registry", "a URL")),
            }
        )
        image = "Properties.ContainerDefinitions[0].Image"
        assert pin(template, digests=digests).report.to_json() == {
            "version": 1,
            "status": "success",
            "images": [
                {
                    "path": "Resources.Fn.Properties.Code.ImageUri",
                    "written": f"{ECR}/fn:1",
                    "asked_by": "mark",
                    "status": "pinned",
                    "result": f"{ECR}/fn@{DIGEST}",
                    "platform": "linux/amd64",
                    "media_type": OCI_MANIFEST,
                    "source": "ecr",
                    "asked": "BatchGetImage",
                    "index": str(INDEX),
                    "warnings": ["it is old"],
                },
                {
                    "path": f"Resources.Kept.{image}",
                    "written": "gone:1",
                    "asked_by": "mark",
                    "status": "kept",
                    "reason": "there is no such tag",
                },
                {
                    "path": f"Resources.Plain.{image}",
                    "status": "unmarked",
                    "reason": "nothing asks for a pin",
                    "written": "redis:1",
                },
                {
                    "path": f"Resources.Web.{image}",
                    "written": "nginx:1",
                    "asked_by": "mark",
                    "status": "pinned",
                    "result": f"nginx@{DIGEST}",
                    "media_type": OCI_MANIFEST,
                    "source": "registry",
                    "asked": "a URL",
                },
            ],
            "problems": [],
            "warnings": [
                "Resources.Fn.Properties.Code.ImageUri: it is old",
                f"Resources.Kept.{image}: it keeps its tag: there is no such tag",
            ],
        }

    def test_failure(self) -> None:
        template = {
            "Resources": {"Web": task("nginx:1"), "Gone": task("gone:1"), "Bad": task("Bad:1"), "Old": task("")},
        }
        template["Resources"]["Old"] = {"Type": "AWS::SNS::Topic", "Properties": {"Name": "!PinDigest x"}}
        digests = EveryDigest(
            {"docker.io/library/gone:1": ABSENT, "docker.io/library/nginx:1": Resolved(DIGEST, "m", Origin("s", "a"))}
        )
        image = "Properties.ContainerDefinitions[0].Image"
        found = pin(template, {"Pin": "All"}, digests=digests).report.to_json()
        assert found["status"] == "failure"
        assert found["images"] == [
            {"path": f"Resources.Gone.{image}", "written": "gone:1", "asked_by": "Pin", "status": "failed"},
            {
                "path": f"Resources.Web.{image}",
                "written": "nginx:1",
                "asked_by": "Pin",
                "status": "would be pinned",
                "result": f"nginx@{DIGEST}",
                "media_type": "m",
                "source": "s",
                "asked": "a",
            },
        ]
        assert found["problems"] == [
            {
                "path": f"Resources.Gone.{image}",
                "kind": "lookup",
                "image": "gone:1",
                "cause": "there is no such tag",
                "remedy": "Push it",
            },
            {
                "path": f"Resources.Bad.{image}",
                "kind": "template",
                "cause": "'Bad:1' is no image reference: a repository must be lower case (at character 1)",
                "remedy": "write registry/repository:tag",
            },
            {
                "path": "Resources.Old.Properties.Name",
                "kind": "template",
                "cause": "!PinDigest stands in a place that is no image",
                "remedy": "Remove the mark, or have the operator add the JSONPath of this place to the settings",
            },
        ]

    def test_a_tag_that_would_be_kept_says_so(self) -> None:
        template = template_of("!PinDigest WhenMissing=KeepTag gone:1", Outputs={"X": "!PinDigest x"})
        digests = EveryDigest({"docker.io/library/gone:1": ABSENT})
        assert pin(template, digests=digests).report.to_json()["images"][0]["status"] == "would be kept"

    def test_it_is_the_same_for_every_order_of_the_template(self) -> None:
        names = ["B", "A", "D", "C"]
        templates = [
            {"Resources": {name: task(f"!PinDigest {name.lower()}:1") for name in order}}
            for order in (names, names[::-1])
        ]
        one, other = (json.dumps(pin(template).report.to_json()) for template in templates)
        assert one == other

    def test_a_failed_report_says_what_did_not_happen(self) -> None:
        template: dict[str, Any] = template_of("!PinDigest nginx:1", Outputs={"X": "!PinDigest x"})
        report = pin(template).report
        assert not report.succeeded
        assert report.to_json()["images"][0]["status"] == "would be pinned"
