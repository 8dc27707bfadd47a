"""Random templates, written in random layouts."""

from __future__ import annotations

import json
import random
import re
import string
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

SINGLE_KEYS = ("Ref", "Condition", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::GetAtt", "Fn::PinDigest")
KEYS = (
    "Image",
    "Name",
    "Resources",
    "a",
    "b",
    "A key",
    "012345670123",
    "yes",
    "a: b",
    "#",
    "Fn::Sub",
    "image-pinner.source",
)
TEXTS = (
    "x",
    "nginx:1.25",
    "!PinDigest a:b",
    "${A}.dkr/app:v1",
    "012345",
    "yes",
    "# no comment",
    "a: b",
    "",
    " ",
    "it's",
    "a\nb\n",
    "\U0001f600",
)
NUMBERS = (0, 1, -7, 256, 1.5, -0.25, 10**20)
_SAFE_PLAIN = re.compile(r"[a-zA-Z][a-zA-Z/._-]{2,}(:[0-9.]+)?")
_WORDS = frozenset({"yes", "true", "null", "off", "false"})

texts = st.one_of(
    st.sampled_from(TEXTS),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text(string.printable, max_size=12),
)
keys = st.one_of(st.sampled_from(KEYS), texts)
scalars = st.one_of(texts, texts, st.sampled_from(NUMBERS), st.booleans(), st.none())
functions = st.one_of(
    st.builds(lambda key, text: {key: text}, st.sampled_from(("Ref", "Fn::Sub", "Fn::PinDigest", "Condition")), texts),
    st.builds(
        lambda one, two: {"Fn::GetAtt": [one, two]}, st.sampled_from(("Repo", "a")), st.sampled_from(("Arn", "b.c"))
    ),
)
values = st.recursive(
    st.one_of(scalars, scalars, functions),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4),
        st.builds(lambda key, items: {key: items}, st.sampled_from(SINGLE_KEYS), st.lists(inner, max_size=3)),
    ),
    max_leaves=14,
)
templates = st.dictionaries(keys, values, min_size=1, max_size=5)
few_values = st.sampled_from(
    ("nginx:1.25", 1, True, {"Fn::Sub": "x"}, {"Image": "x", "L": ["x"]}, ["x", {"Ref": "a"}], None)
)
templates_with_repetitions = st.dictionaries(
    keys,
    st.one_of(few_values, st.lists(few_values, max_size=3), st.dictionaries(keys, few_values, max_size=3)),
    min_size=2,
)


@dataclass
class Writer:
    """Writes a value as YAML in a random layout.

    `notes` are the comments written so far, all different, and `anchors` the number of anchors. `aliased` has the
    anchor of each value that can be written as an alias; with `None`, no aliases are written. `in_block_scalar` is
    whether the last line belongs to a block scalar, which would contain comments that are indented further.
    """

    chance: random.Random
    notes: list[str] = field(default_factory=list)
    step: int = 2
    anchors: int = 0
    aliased: dict[str, str] | None = None
    in_block_scalar: bool = False

    def template(self, tree: dict[str, Any]) -> str:
        lines = [
            *self.own_lines(),
            *(self.mapping_lines(tree) if self.chance.random() < 0.8 else [self.collection(tree)]),
            *self.own_lines(),
        ]
        return "\n".join(lines) + "\n"

    def note(self) -> str:
        self.notes.append(f"# note {len(self.notes)} #")
        return self.notes[-1]

    def trailing(self) -> str:
        return " " * self.chance.randint(1, 3) + self.note() if self.chance.random() < 0.25 else ""

    def own_lines(self) -> list[str]:
        lines = []
        while self.chance.random() < 0.2:
            lines.append(
                " " * (0 if self.in_block_scalar else self.chance.choice((0, 0, 2, 6))) + self.note()
                if self.chance.random() < 0.6
                else ""
            )
        return lines

    def mapping_lines(self, tree: dict[str, Any]) -> list[str]:
        lines: list[str] = []
        for key, value in tree.items():
            lines += self.own_lines() if lines else []
            colon = " :" if self.chance.random() < 0.1 else ":"
            lines += self.entry(self.text(key, flow=False) + colon, value, in_sequence=False)
        return lines

    def sequence_lines(self, items: list[Any]) -> list[str]:
        lines: list[str] = []
        for item in items:
            lines += self.own_lines() if lines else []
            lines += self.entry("-", item, in_sequence=True)
        return lines

    def entry(self, indicator: str, value: Any, *, in_sequence: bool) -> list[str]:
        if self.aliased is not None and repr(value) in self.aliased and self.chance.random() < 0.6:
            return [f"{indicator} *{self.aliased[repr(value)]}{self.trailing()}"]
        tag, inner = self.tagged(value)
        head = " ".join((indicator, *self.properties(tag, value)))
        if isinstance(inner, dict | list) and inner and self.chance.random() < 0.7:
            return self.block(head, inner, in_sequence=in_sequence, bare=head == indicator)
        if (
            isinstance(inner, str)
            and self.chance.random() < 0.2
            and re.fullmatch(r"[\w:.]+(\n[\w:.]+)*\n?", inner, re.ASCII)
        ):
            self.in_block_scalar = True
            block_indicator = "|" if inner.endswith("\n") else "|-"
            return [
                f"{head} {block_indicator}{self.trailing()}",
                *(" " * self.step + line for line in inner.splitlines()),
            ]
        self.in_block_scalar = False
        below = self.chance.random() < 0.1
        written = self.inline(inner, tagged=bool(tag))
        if not written:
            return [head + self.trailing()]
        if below:
            return [head + self.trailing(), " " * (self.step + 1) + written + self.trailing()]
        return [f"{head}{' ' * self.chance.choice((1, 1, 1, 3))}{written}{self.trailing()}"]

    def block(self, head: str, inner: Any, *, in_sequence: bool, bare: bool) -> list[str]:
        lines = self.mapping_lines(inner) if isinstance(inner, dict) else self.sequence_lines(inner)
        if in_sequence and bare and self.chance.random() < 0.7:
            return [f"- {lines[0]}", *(f"  {line}" if line else "" for line in lines[1:])]
        indentation = " " * (
            0 if isinstance(inner, list) and not in_sequence and self.chance.random() < 0.4 else self.step
        )
        return [head + self.trailing(), *self.own_lines(), *(indentation + line if line else "" for line in lines)]

    def properties(self, tag: str, value: Any) -> list[str]:
        found = [tag] if tag else []
        if self.chance.random() < (0.1 if self.aliased is None else 0.6):
            self.anchors += 1
            if self.aliased is not None:
                self.aliased[repr(value)] = f"a{self.anchors}"
            found.insert(self.chance.randint(0, len(found)), f"&a{self.anchors}")
        return found

    def tagged(self, value: Any) -> tuple[str, Any]:
        if not isinstance(value, dict) or len(value) != 1 or self.chance.random() < 0.3:
            return "", value
        (key, inner), *_ = value.items()
        tag = f"!{key.removeprefix('Fn::')}"
        if key not in SINGLE_KEYS or not isinstance(inner, str | list | dict):
            return "", value
        if key == "Fn::GetAtt" and isinstance(inner, str):
            return "", value
        if key == "Fn::GetAtt" and inner in (["Repo", "Arn"], ["a", "b.c"]) and self.chance.random() < 0.7:
            return tag, ".".join(inner)
        return tag, inner

    def inline(self, value: Any, *, tagged: bool) -> str:
        if isinstance(value, str):
            return self.text(value, flow=False)
        if isinstance(value, dict | list):
            return self.collection(value) if tagged else self.flow(value)
        if value is None:
            return self.chance.choice(("", "~", "null"))
        return json.dumps(value)

    def flow(self, value: Any) -> str:
        tag, inner = self.tagged(value)
        head = f"{tag} " if tag else ""
        if isinstance(inner, str):
            return head + self.text(inner, flow=True)
        if not isinstance(inner, dict | list):
            return head + json.dumps(inner)
        return head + self.collection(inner)

    def collection(self, inner: Any) -> str:
        if isinstance(inner, dict):
            parts = [f"{self.text(key, flow=True)}: {self.flow(item)}" for key, item in inner.items()]
        else:
            parts = [self.flow(item) for item in inner]
        opening, closing = "{}" if isinstance(inner, dict) else "[]"
        between = self.chance.choice((", ", " , ", f",{self.trailing()}\n{' ' * 30}"))
        comma = "," if parts and self.chance.random() < 0.1 else ""
        return opening + between.join(parts) + comma + closing

    def text(self, text: str, *, flow: bool) -> str:
        styles = ['"', "'"] if text.isprintable() else ['"']
        if _SAFE_PLAIN.fullmatch(text) and text.lower() not in _WORDS and not flow:
            styles += ["", ""]
        style = self.chance.choice(styles)
        if style == "'":
            return "'" + text.replace("'", "''") + "'"
        if style == "":
            return text
        escaped = json.dumps(text, ensure_ascii=self.chance.random() < 0.3)
        if "\\ud" in escaped:  # YAML has no surrogate escapes
            escaped = json.dumps(text, ensure_ascii=False)
        return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", escaped)


@dataclass(frozen=True)
class Written:
    """The text of a template, its tree and its comments."""

    text: str
    tree: dict[str, Any]
    notes: tuple[str, ...] = ()


@st.composite
def hand_written(draw: st.DrawFn, *, aliases: bool = False) -> Written:
    """A template with random comments, tags, anchors, quotes and blank lines, and optionally `aliases`."""
    tree = draw(templates_with_repetitions if aliases else templates)
    chance = random.Random(draw(st.integers(0, 2**32)))
    writer = Writer(chance, step=draw(st.sampled_from((1, 2, 3, 4))), aliased={} if aliases else None)
    text = writer.template(tree)
    return Written(
        text.replace("\n", draw(st.sampled_from(("\n", "\n", "\r\n", "\r")))),
        tree,
        tuple(note for note in writer.notes if note in text),
    )
