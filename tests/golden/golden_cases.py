"""Every golden file with its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from golden.golden_files import EXPECTED, HERE, TEMPLATES
from image_pinner.cli.documents import read_source
from image_pinner.cli.output import FORMATS
from image_pinner.sources.in_memory import InMemoryRegistry
from support.example_registries import deployed_registry, empty_registry, full_registry
from support.macro import AWS, CHINA, GOVCLOUD, Account, event_for_template

VALUES: dict[str, dict[str, str]] = {
    "app-runner-service": {"AccessRoleArn": "arn:aws:iam::111122223333:role/pull"},
    "batch-job": {"ExecutionRoleArn": "arn:aws:iam::111122223333:role/batch"},
    "bedrock-agentcore-runtime": {"RoleArn": "arn:aws:iam::111122223333:role/agent"},
    "codebuild-projects": {"ServiceRoleArn": "arn:aws:iam::111122223333:role/build"},
    "ecr-repository-first-deploy": {"ExecutionRoleArn": "arn:aws:iam::111122223333:role/tasks"},
    "ecs-fargate-service": {
        "Tag": "AAA123",
        "Subnets": "subnet-0a1b2c3d,subnet-4e5f6a7b",
        "TargetGroup": "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef",
    },
    "ecs-keep-deployed": {
        "SubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b",
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/tasks",
    },
    "ecs-other-types": {"RoleArn": "arn:aws:iam::111122223333:role/tasks"},
    "ecs-scheduled-task": {
        "ClusterArn": "arn:aws:ecs:us-east-1:111122223333:cluster/default",
        "EventsRoleArn": "arn:aws:iam::111122223333:role/events",
    },
    "sagemaker-model": {"ExecutionRoleArn": "arn:aws:iam::111122223333:role/models"},
    "sagemaker-other-types": {"RoleArn": "arn:aws:iam::111122223333:role/models"},
}
"""The values of the parameters without default, by the template's name."""


@dataclass(frozen=True, slots=True)
class TemplateCase:
    """A template that is deployed to an account, with the images that exist."""

    source: Path
    account: Account = AWS
    resolvers: Callable[[], InMemoryRegistry] = full_registry
    variant: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the template, and of the variant if there is one."""
        return f"{self.source.stem}{f'+{self.variant}' if self.variant else ''}"

    @property
    def values(self) -> dict[str, str]:
        """The parameter values."""
        return {**VALUES.get(self.source.stem, {}), **self.more}

    @property
    def expected_fragment(self) -> Path:
        """The fragment that the macro returns."""
        return EXPECTED / self.account.partition / f"{self.name}.json"

    @property
    def expected_text(self) -> Path:
        """The output of `pin`."""
        return EXPECTED / "text" / f"{self.name}{self.source.suffix}"

    def template(self) -> Mapping[str, Any]:
        """Read the template."""
        return read_source(self.source.read_bytes(), self.source.name).tree

    def event(self) -> dict[str, Any]:
        """Return the event that CloudFormation sends."""
        return event_for_template(self.template(), self.values, self.account)

    def __str__(self) -> str:
        return f"{self.account.partition}/{self.name}"


SOURCES = sorted(path for folder in (TEMPLATES, HERE / "inputs") for path in folder.iterdir())
_EMERGENCY = f"111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web@sha256:{'e' * 64}"
_TEMPLATE = {path.stem: path for path in SOURCES}
TEMPLATE_CASES = (
    *(TemplateCase(path) for path in SOURCES),
    # Templates for which the partition or the existing images make a difference.
    *(
        TemplateCase(_TEMPLATE[name], account)
        for name in ("ecr-repository-first-deploy", "ecs-fargate-service", "ecs-scheduled-task", "lambda-function")
        for account in (CHINA, GOVCLOUD)
    ),
    TemplateCase(_TEMPLATE["ecr-repository-first-deploy"], resolvers=empty_registry, variant="nothing-pushed"),
    TemplateCase(_TEMPLATE["ecs-sidecars"], variant="dev", more={"Stage": "dev"}),
    *(
        TemplateCase(
            _TEMPLATE["ecs-keep-deployed"], resolvers=deployed_registry, variant=refresh, more={"ImageRefresh": refresh}
        )
        for refresh in ("Always", "OnChange", "Never")
    ),
    # Makes no network requests, so that it works although no image exists.
    TemplateCase(
        _TEMPLATE["break-glass"], resolvers=empty_registry, variant="emergency", more={"EmergencyImage": _EMERGENCY}
    ),
)
TEXT_CASES = tuple(case for case in TEMPLATE_CASES if case.account is AWS)

EVENTS = sorted((HERE / "events").iterdir())
EVENT_CASES = tuple((path, EXPECTED / "events" / path.name) for path in EVENTS)

REFUSALS = HERE / "refusals.yaml"
EXPECTED_REFUSALS = EXPECTED / "refusals.json"

CHECKED = HERE / "checked"
"""The templates that `check` is run on."""
_CHECKED_FILES = {
    "empty": (("passes.yaml",), 0),
    "findings": (("web.yaml", "minified.json", "passes.yaml"), 1),
    "suppressed": (("suppressed.yaml", "passes.yaml"), 0),
    "parse-errors": (("broken.yaml", "broken.json", "no-resources.yaml"), 2),
}
_SUFFIXES = {"json": ".json", "sarif": ".sarif", "gitlab": ".gitlab.json", "junit": ".xml", "markdown": ".md"}


@dataclass(frozen=True, slots=True)
class CheckCase:
    """Templates that are checked, with the format of the output and the exit code."""

    name: str
    format: str
    files: tuple[str, ...]
    code: int

    @property
    def expected(self) -> Path:
        """The output."""
        return EXPECTED / "check" / f"{self.name}{_SUFFIXES.get(self.format, f'.{self.format}.txt')}"

    def __str__(self) -> str:
        return f"{self.name} in {self.format}"


CHECK_CASES = tuple(
    CheckCase(name, format_, files, code) for name, (files, code) in _CHECKED_FILES.items() for format_ in FORMATS
)

COMPARISONS = {"no-changes": 0, "changes": 1, "missing-tag": 3, "invalid-image": 1}
"""The comparisons of `diff`, with their exit codes."""
COMPARISON_FORMATS = {"text": "txt", "markdown": "md", "json": "json"}
"""The formats of `diff`, with the suffixes of their golden files."""


def expected_comparison(name: str, form: str) -> Path:
    """Return the golden file of a comparison in a format."""
    return EXPECTED / "comparisons" / f"{name}.{COMPARISON_FORMATS[form]}"


ALL_EXPECTED = {
    *(expected_comparison(name, form) for name in COMPARISONS for form in COMPARISON_FORMATS),
    *(case.expected_fragment for case in TEMPLATE_CASES),
    *(case.expected_text for case in TEXT_CASES),
    *(expected for _, expected in EVENT_CASES),
    EXPECTED_REFUSALS,
    *(case.expected for case in CHECK_CASES),
}
"""Every golden file that a test reads."""
