"""The JSON report, and problems on one line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.gates.age import PUSHED, Pushed
from image_pinner.core.images.lookups import OCI_MANIFEST, Origin, Resolved
from image_pinner.core.images.references import Digest
from image_pinner.core.report import REPORT_VERSION, PinReport, most_severe
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind
from support.gates import FakeFacts, fact_of, with_gates
from support.templates import ABSENT, ECR, EveryDigest, pin, task, template_of

DIGEST, INDEX = Digest(f"sha256:{'1' * 64}"), Digest(f"sha256:{'2' * 64}")


def problem(name: str, cause: str = "it is bad", help: str = "", kind: ProblemKind = ProblemKind.TEMPLATE) -> Problem:
    return Problem(TemplatePath(("Resources", name)), kind, cause, help)


@pytest.mark.parametrize("kind", [ProblemKind.LOOKUP, ProblemKind.POLICY])
def test_the_most_severe_kind_is_found_whatever_the_order(kind: ProblemKind) -> None:
    assert most_severe([problem("A"), problem("B", kind=kind)]) is kind


class TestJson:
    def test_empty_report_has_all_fields(self) -> None:
        assert PinReport().to_json() == {
            "version": REPORT_VERSION,
            "status": "success",
            "images": [],
            "problems": [],
            "warnings": [],
        }

    def test_each_image_has_an_entry_for_each_gate(self) -> None:
        template = {
            "Resources": {"Web": task("!PinDigest nginx:1", "!PinDigest redis:1", f"redis@{DIGEST}", "redis:2")}
        }
        facts = FakeFacts(
            {f"docker.io/library/nginx@{DIGEST}": {PUSHED: fact_of(Pushed("2026-11-20T12:00:00Z", 864000))}}
        )
        digests = EveryDigest({"docker.io/library/nginx:1": Resolved(DIGEST, OCI_MANIFEST, Origin("ecr", "x"))})
        settings = with_gates("age.minimum=3d", "age.unknown=warn", "tags.deny=2")
        report = pin(template, settings=settings, digests=digests, facts=facts).report.to_json()
        tag = {"gate": "tags", "verdict": "allow", "fact": "tag 1", "source": "template"}
        unknown = {
            "gate": "age",
            "verdict": "warn",
            "fact": "unknown",
            "cause": "unknown: the registry does not report it",
            "help": "ask the platform team",
        }
        assert [(image["status"], image["gates"]) for image in report["images"]] == [
            (
                "would be pinned",
                [
                    tag,
                    {
                        "gate": "age",
                        "verdict": "allow",
                        "fact": "pushed 2026-11-20T12:00:00Z",
                        "source": "ecr:DescribeImages in us-east-1",
                        "time": "2026-11-30T12:00:00Z",
                    },
                ],
            ),
            ("would be pinned", [tag, unknown]),
            ("already pinned", [tag | {"fact": "no tag"}, unknown]),
            (
                "unmarked",
                [
                    {
                        "gate": "tags",
                        "verdict": "deny",
                        "fact": "tag 2",
                        "source": "template",
                        "cause": "tag '2' is forbidden",
                        "help": "use another tag",
                    }
                ],
            ),
        ]
        assert [problem["image"] for problem in report["problems"]] == ["redis:2"]
        assert [warning.partition(": ")[2] for warning in report["warnings"]] == [
            "gate age: unknown: the registry does not report it"
        ] * 2

    @pytest.mark.parametrize(
        ("gate", "digest"), [("age.minimum=3d", DIGEST), ("tags.deny=1", None)], ids=["judged", "not looked up"]
    )
    def test_a_denied_image_has_the_digest_that_was_judged(self, gate: str, digest: Digest | None) -> None:
        digests = EveryDigest({"docker.io/library/nginx:1": Resolved(DIGEST, OCI_MANIFEST, Origin("ecr", "x"))})
        report = pin(template_of("!PinDigest nginx:1"), settings=with_gates(gate), digests=digests).report
        assert [image.get("digest") for image in report.to_json()["images"]] == [str(digest) if digest else None]
        assert [(denial.written, denial.result.digest) for denial in report.denials] == [("nginx:1", str(digest or ""))]

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
            "version": REPORT_VERSION,
            "status": "success",
            "images": [
                {
                    "path": "Resources.Fn.Properties.Code.ImageUri",
                    "written": f"{ECR}/fn:1",
                    "requested_by": "marker",
                    "status": "pinned",
                    "decision": "resolved",
                    "result": f"{ECR}/fn@{DIGEST}",
                    "platform": "linux/amd64",
                    "media_type": OCI_MANIFEST,
                    "source": "ecr",
                    "request": "BatchGetImage",
                    "index": str(INDEX),
                    "warnings": ["it is old"],
                },
                {
                    "path": f"Resources.Kept.{image}",
                    "written": "gone:1",
                    "requested_by": "marker",
                    "status": "tag kept",
                    "reason": "there is no such tag",
                },
                {
                    "path": f"Resources.Plain.{image}",
                    "status": "unmarked",
                    "reason": "it has no marker, and no Pin option selects it",
                    "written": "redis:1",
                },
                {
                    "path": f"Resources.Web.{image}",
                    "written": "nginx:1",
                    "requested_by": "marker",
                    "status": "pinned",
                    "decision": "resolved",
                    "result": f"nginx@{DIGEST}",
                    "media_type": OCI_MANIFEST,
                    "source": "registry",
                    "request": "a URL",
                },
            ],
            "problems": [],
            "warnings": [
                "Resources.Fn.Properties.Code.ImageUri: it is old",
                f"Resources.Kept.{image}: tag kept: there is no such tag",
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
            {"path": f"Resources.Gone.{image}", "written": "gone:1", "requested_by": "Pin", "status": "failed"},
            {
                "path": f"Resources.Web.{image}",
                "written": "nginx:1",
                "requested_by": "Pin",
                "status": "would be pinned",
                "decision": "resolved",
                "result": f"nginx@{DIGEST}",
                "media_type": "m",
                "source": "s",
                "request": "a",
            },
        ]
        assert found["problems"] == [
            {
                "path": f"Resources.Gone.{image}",
                "kind": "lookup",
                "image": "gone:1",
                "cause": "there is no such tag",
                "help": "Push it",
            },
            {
                "path": f"Resources.Bad.{image}",
                "kind": "template",
                "cause": "'Bad:1' is not a valid image reference: a repository must be lower case (at character 1)",
                "help": "write registry/repository:tag",
            },
            {
                "path": "Resources.Old.Properties.Name",
                "kind": "template",
                "cause": "!PinDigest is outside of the known image properties",
                "help": "remove the marker; if the property is an image, add its JSONPath to IMAGE_PINNER_IMAGE_PATHS",
            },
        ]

    def test_kept_tag_in_a_failed_report(self) -> None:
        template = template_of("!PinDigest WhenMissing=KeepTag gone:1", Outputs={"X": "!PinDigest x"})
        digests = EveryDigest({"docker.io/library/gone:1": ABSENT})
        assert pin(template, digests=digests).report.to_json()["images"][0]["status"] == "tag would be kept"

    def test_report_does_not_depend_on_the_order_of_keys(self) -> None:
        names = ["B", "A", "D", "C"]
        templates = [
            {"Resources": {name: task(f"!PinDigest {name.lower()}:1") for name in order}}
            for order in (names, names[::-1])
        ]
        one, other = (json.dumps(pin(template).report.to_json()) for template in templates)
        assert one == other

    def test_pinned_image_in_a_failed_report(self) -> None:
        template: dict[str, Any] = template_of("!PinDigest nginx:1", Outputs={"X": "!PinDigest x"})
        report = pin(template).report
        assert not report.succeeded
        assert report.to_json()["images"][0]["status"] == "would be pinned"
