"""The steps of the demo. Everything that it shows is the output of the macro."""

from __future__ import annotations

import difflib
import json
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.demo.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from image_pinner.cli.documents import read_source
from image_pinner.lambda_macro.handler import Macro

_INDENT = "    "
_WIDTH = 100
_TAG = "1.4.2"
_PLATFORMS = ("linux/amd64", "linux/arm64")
Show = Callable[[str, str], None]
"""Shows a line of a kind: `heading`, `text`, `code`, `old`, `new` or `error`."""


@dataclass(frozen=True, slots=True)
class Story:
    """The demo on a mock of AWS."""

    aws: EmbeddedAws
    show: Show

    def run(self) -> bool:
        """Run all steps, and return whether the macro did what they show."""
        self._text(
            "This demo runs the macro against a mock of AWS in this process. It makes no network requests outside this"
            " machine."
        )
        self.aws.push("shop/web", _TAG, "web build 1", _PLATFORMS)
        self.aws.push("shop/proxy", "stable", "proxy build 1", _PLATFORMS)
        self.aws.push("shop/reports", _TAG, "reports build 1", _PLATFORMS[:1])
        first = self._pin_marked_images()
        second = self._move_tag(first)
        rejected = self._reject_template()
        self._suggest_commands()
        return first["status"] == second["status"] == "success" and rejected["status"] == "failure" and first != second

    def _pin_marked_images(self) -> Mapping[str, Any]:
        self._heading("1. Pin the marked images of shop.yaml")
        self._code(line.strip() for line in _source("shop.yaml").splitlines() if "!PinDigest" in line)
        self._text(
            "CloudFormation calls the macro before it processes the template. The macro resolves the tags in ECR and"
            " returns the template with digests. A Docker label records the tag:"
        )
        response = self._invoke("shop.yaml")
        self._diff(_fragment("shop.yaml"), response["fragment"])
        self._text("CloudFormation receives this response of the macro:")
        shown = {**response, "fragment": {"Resources": "… the template with digests …"}}
        self._code(json.dumps(shown, indent=2, ensure_ascii=False).splitlines())
        return response

    def _move_tag(self, before: Mapping[str, Any]) -> Mapping[str, Any]:
        self._heading(f"2. Push another image to shop/web:{_TAG}")
        self.aws.push("shop/web", _TAG, "web build 2", _PLATFORMS)
        self._text(
            "Running tasks do not change, because they were deployed by digest. The next deployment of the same"
            " template resolves the tag to another digest, and its change set shows that first:"
        )
        response = self._invoke("shop.yaml")
        self._diff(before["fragment"], response["fragment"])
        return response

    def _reject_template(self) -> Mapping[str, Any]:
        self._heading("3. Deploy broken.yaml, in which two images cannot be pinned")
        self._text("The macro changes nothing, not even the valid image, and reports all problems at once:")
        response = self._invoke("broken.yaml")
        self._lines(response["errorMessage"], "error", _INDENT)
        return response

    def _suggest_commands(self) -> None:
        self._heading("Next steps")
        self._text("Report the unpinned images of a template. This works offline:")
        self._code(["image-pinner check my-template.yaml"])
        self._text("Print the template with all images pinned, using your AWS credentials:")
        self._code(["image-pinner pin --pin All my-template.yaml"])
        self._text("Mark the images, and see in CI what the macro will do:")
        self._code(["image-pinner pin --parameter Tag=1.4.2 my-template.yaml > pinned.yaml"])

    def _invoke(self, name: str) -> dict[str, Any]:
        macro = Macro.on_aws(AwsResolvers(), os.environ, lambda _: None)  # the log record is not part of the demo
        return macro.answer(_event(name), None)

    def _heading(self, text: str) -> None:
        self.show("", "text")
        self.show(text, "heading")
        self.show("-" * len(text), "heading")

    def _text(self, text: str) -> None:
        self._lines(text, "text")

    def _lines(self, text: str, kind: str, indent: str = "") -> None:
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False):
            self.show(indent + line, kind)

    def _code(self, lines: Iterable[str]) -> None:
        self._block((line, "code") for line in lines)

    def _block(self, lines: Iterable[tuple[str, str]]) -> None:
        self.show("", "text")
        for line, kind in lines:
            self.show(_INDENT + line, kind)
        self.show("", "text")

    def _diff(self, before: Any, after: Any) -> None:
        old, new = (json.dumps(tree["Resources"], indent=2).splitlines() for tree in (before, after))
        # The first lines are the names of the files, which are empty, and the first line numbers.
        changes = list(difflib.unified_diff(old, new, n=2, lineterm=""))[3:]
        kinds = {"-": "old", "+": "new"}
        self._block(("   …" if line.startswith("@@") else line, kinds.get(line[0], "code")) for line in changes)


def _source(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _fragment(name: str) -> dict[str, Any]:
    tree = read_source(_source(name).encode(), name).tree
    return {key: value for key, value in tree.items() if key != "Transform"}


def _event(name: str) -> dict[str, Any]:
    fragment = _fragment(name)
    parameters = fragment.get("Parameters", {})
    return {
        "region": REGION,
        "accountId": ACCOUNT,
        "fragment": fragment,
        "transformId": f"{ACCOUNT}::ImagePinner",
        "params": {},
        "requestId": "00000000-0000-0000-0000-000000000000",
        "templateParameterValues": {key: value["Default"] for key, value in parameters.items()},
    }
