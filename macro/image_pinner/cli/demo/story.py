"""The story that the demonstration tells: the same as the README's first screen, with everything really done."""

from __future__ import annotations

import difflib
import json
import os
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from image_pinner.assembly import AwsResolvers
from image_pinner.cli.demo.embedded_aws import ACCOUNT, REGION, EmbeddedAws
from image_pinner.cli.documents import read_source
from image_pinner.lambda_macro.handler import Macro

_INDENT = "    "
_TAG = "1.4.2"
Tell = Callable[[str, str], None]
"""Takes a line and what kind it is: `heading`, `text`, `code`, `old`, `new`, `error`."""


@dataclass(frozen=True, slots=True)
class Story:
    """The story.

    Args:
        aws: The embedded AWS.
        tell: Takes its lines.
    """

    aws: EmbeddedAws
    tell: Tell

    def run(self) -> bool:
        """Tell the story.

        Returns:
            Whether everything went as it should.
        """
        self._fill_registry()
        first = self._marked_images()
        second = self._tag_moves(first)
        refused = self._broken()
        self._what_now()
        return first["status"] == second["status"] == "success" and refused["status"] == "failure" and first != second

    def _fill_registry(self) -> None:
        self.aws.push("shop/web", _TAG, "web build 1", ("linux/amd64", "linux/arm64"))
        self.aws.push("shop/proxy", "stable", "proxy build 1", ("linux/amd64", "linux/arm64"))
        self.aws.push("shop/reports", _TAG, "reports build 1", ("linux/amd64",))

    def _marked_images(self) -> Mapping[str, Any]:
        self._heading("1. A template with marked images (shop.yaml)")
        self._code(line.strip() for line in _source("shop.yaml").splitlines() if "!PinDigest" in line)
        self._text(
            "CloudFormation calls the macro before it looks at the template. The macro asks ECR what the tags mean now,"
            " and CloudFormation gets this instead, with the tag kept in a docker label for people:"
        )
        response = self._invoke("shop.yaml")
        self._diff(_fragment("shop.yaml"), response["fragment"])
        self._text("The macro's own response, as CloudFormation receives it:")
        shown = {**response, "fragment": {"Resources": "… the template with the digests …"}}
        self._code(json.dumps(shown, indent=2, ensure_ascii=False).splitlines())
        return response

    def _tag_moves(self, before: Mapping[str, Any]) -> Mapping[str, Any]:
        self._heading(f"2. Somebody pushes another image as shop/web:{_TAG}")
        self.aws.push("shop/web", _TAG, "web build 2", ("linux/amd64", "linux/arm64"))
        self._text(
            "What runs does not change: it was deployed by digest. The same template gives another digest at the next"
            " deployment, and a change set shows it before anything happens:"
        )
        response = self._invoke("shop.yaml")
        self._diff(before["fragment"], response["fragment"])
        return response

    def _broken(self) -> Mapping[str, Any]:
        self._heading("3. A template with two images that cannot be pinned (broken.yaml)")
        response = self._invoke("broken.yaml")
        self._text("Nothing is changed, not even the image that is fine, and all that is wrong is told at once:")
        for line in textwrap.wrap(response["errorMessage"], 100, break_long_words=False, break_on_hyphens=False):
            self.tell(_INDENT + line, "error")
        return response

    def _what_now(self) -> None:
        self._heading("Now with a template of yours")
        self._text("See which images are not pinned; this asks nobody:")
        self._code(["image-pinner check my-template.yaml"])
        self._text("Print it with all images pinned, with your AWS credentials:")
        self._code(["image-pinner pin --pin All my-template.yaml"])
        self._text("Mark the images in it, and CI can see what the macro will do:")
        self._code(["image-pinner pin --parameter Tag=1.4.2 my-template.yaml > pinned.yaml"])

    def _invoke(self, name: str) -> dict[str, Any]:
        macro = Macro.on_aws(AwsResolvers(), os.environ, _Silent())
        return macro.answer(_event(name), None)

    def _heading(self, text: str) -> None:
        self.tell("", "text")
        self.tell(text, "heading")
        self.tell("-" * len(text), "heading")

    def _text(self, text: str) -> None:
        for line in textwrap.wrap(text, 100):
            self.tell(line, "text")

    def _code(self, lines: Any) -> None:
        self.tell("", "text")
        for line in lines:
            self.tell(_INDENT + line.strip("\n"), "code")
        self.tell("", "text")

    def _diff(self, before: Any, after: Any) -> None:
        self.tell("", "text")
        old, new = (json.dumps(tree["Resources"], indent=2).splitlines() for tree in (before, after))
        changes = [line for line in difflib.unified_diff(old, new, n=2, lineterm="") if line[:3] not in {"---", "+++"}]
        for line in changes[1:]:
            shown = "   …" if line.startswith("@@") else line
            self.tell(_INDENT + shown, {"-": "old", "+": "new"}.get(line[0], "code"))
        self.tell("", "text")


class _Silent:
    """A log that nobody reads."""

    def __call__(self, line: str) -> None:
        """Take a line."""


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
