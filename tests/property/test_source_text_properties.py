"""Whatever the layout, an edit says what it should and leaves all else as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from image_pinner.cli.documents import SourceDocument, read_source
from image_pinner.cli.documents.nodes import Node, children_of, is_block_collection, last_leaf
from image_pinner.cli.documents.places import find_place, surroundings_of
from image_pinner.cli.documents.same_values import first_difference
from image_pinner.cli.documents.source_lines import YAML_BREAK, SourceLines
from image_pinner.cli.documents.yaml_reader import LOADER, read_yaml
from image_pinner.core.errors import ImagePinnerError, UnreadableTemplateError
from image_pinner.core.template.edits import Edit, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import Step, TemplatePath
from property.source_text_layouts import Written, hand_written, keys, templates, values

T = TypeVar("T")
SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def paths_of(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    yield steps
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield from paths_of(inner, (*steps, step))


def value_at(value: Any, steps: tuple[Step, ...]) -> Any:
    for step in steps:
        value = value[step]
    return value


def draw_edits(data: st.DataObject, tree: dict[str, Any]) -> list[Edit]:
    """Choose replacements that do not contain each other, and new keys of maps that they leave."""
    paths = list(paths_of(tree))
    chosen: list[tuple[Step, ...]] = []
    for steps in data.draw(st.lists(st.sampled_from(paths[1:] or paths), max_size=4, unique=True)):
        if steps and not any(steps[: len(other)] == other or other[: len(steps)] == steps for other in chosen):
            chosen.append(steps)
    edits: list[Edit] = [Replace(TemplatePath(steps), data.draw(values)) for steps in chosen]
    maps = [steps for steps in paths if isinstance(value_at(tree, steps), dict) and value_at(tree, steps)]
    for steps in data.draw(st.lists(st.sampled_from(maps), max_size=3)):
        if any(steps[: len(other)] == other for other in chosen):
            continue
        key = data.draw(keys)
        taken = {edit.key for edit in edits if isinstance(edit, InsertKey) and edit.path.steps == steps}
        if key not in value_at(tree, steps) and key not in taken:
            after = data.draw(st.sampled_from(list(value_at(tree, steps))))
            edits.append(InsertKey(TemplatePath(steps), key, data.draw(values), after))
    return data.draw(st.permutations(edits))


def touched_lines(document: SourceDocument, edit: Edit) -> range:
    """Give the lines that an edit may change: of a new key in block style none but those of a last block scalar."""
    lines = document.lines
    place = find_place(document.root, edit.path)
    node: Node = place.node
    if isinstance(edit, InsertKey) and is_block_collection(node) and place.inside == bool(place.node.function):
        leaf = last_leaf(node)
        at_end = not lines.text[leaf.end :].strip()
        return range(lines.position(leaf.start).line, lines.position(leaf.end).line + 1) if at_end else range(0)
    around = surroundings_of(document.root, node)
    member = around[-1].member if around else None
    first = member.key.start if member else around[-1].parent.start if around and around[-1].index == 0 else node.start
    if around and not member and around[-1].index:
        first = children_of(around[-1].parent)[around[-1].index - 1].end
    return range(lines.position(first).line, lines.position(node.end).line + 1)


def attempt(action: Callable[[], T]) -> T | ImagePinnerError:
    """Give what an action gives, or the error that it raises on purpose."""
    try:
        return action()
    except ImagePinnerError as error:
        return error


def check_edits(document: SourceDocument, edits: list[Edit], notes: tuple[str, ...]) -> None:
    result = document.apply(edits)
    again = read_source(result, "again")
    assert first_difference(again.tree, apply_edits(document.tree, edits)) is None
    lines = again.lines
    after = iter([lines.line_text(number) for number in range(1, len(lines.starts) + 1)])
    touched = {number for edit in edits for number in touched_lines(document, edit)}
    for number in range(1, len(document.lines.starts) + 1):
        if number not in touched:
            assert document.lines.line_text(number) in after, f"line {number} is changed or has moved"
    lost = " ".join(document.notes_for(edits))
    for note in notes:
        assert note in lines.text or note in lost


@given(hand_written())
@SETTINGS
def test_every_layout_is_read_as_what_it_means(written: Written) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    assert first_difference(document.tree, written.tree) is None
    assert document.apply(()) == written.text.encode()


@given(hand_written())
@SETTINGS
def test_both_loaders_find_every_value_in_the_same_place(written: Written) -> None:
    lines = SourceLines.of("web.yaml", written.text, YAML_BREAK)
    todo = [(read_yaml(lines, LOADER), read_yaml(lines, yaml.SafeLoader))]
    while todo:
        fast, pure = todo.pop()
        assert (fast.start, fast.end, fast.tree) == (pure.start, pure.end, pure.tree)
        todo += zip(children_of(fast), children_of(pure), strict=True)


@given(hand_written(), st.data())
@SETTINGS
def test_edits_of_hand_written_yaml_say_what_they_should(written: Written, data: st.DataObject) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    check_edits(document, draw_edits(data, document.tree), written.notes)


@given(hand_written(aliases=True), st.data())
@SETTINGS
def test_values_behind_aliases_are_edited_rightly_or_not_at_all(written: Written, data: st.DataObject) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    assert first_difference(document.tree, written.tree) is None
    edits = draw_edits(data, document.tree)
    result = attempt(lambda: document.apply(edits))
    if isinstance(result, ImagePinnerError):
        assert "cannot be changed alone" in result.cause
        assert "*" in written.text
        return
    assert first_difference(read_source(result, "again").tree, apply_edits(document.tree, edits)) is None


@given(hand_written(aliases=True), values)
@SETTINGS
def test_equal_values_can_always_be_edited_together(written: Written, value: Any) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    paths = [steps for steps in paths_of(document.tree) if value_at(document.tree, steps) == "nginx:1.25"]
    edits = [Replace(TemplatePath(steps), value) for steps in paths]
    result = document.apply(edits)
    assert first_difference(read_source(result, "again").tree, apply_edits(document.tree, edits)) is None


YAML_PIECES = (
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    " ",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "?",
    "&a ",
    "*a",
    "<<: *a",
    "!Sub ",
    "!!int ",
    "'",
    '"',
    "|",
    ">",
    "#",
    "%",
    "@",
    "---",
    "...",
    "\t",
    "\r\n",
    "\x85",
    "\ufeff",
    "\\u",
    "0x1",
    "1_0",
    "\0",
    "\x7f",
)


@given(st.lists(st.one_of(st.sampled_from(YAML_PIECES), st.text(max_size=2)), max_size=30).map("".join))
@settings(SETTINGS, max_examples=500)
def test_any_text_is_read_or_refused_with_cause_and_remedy(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    document = attempt(lambda: read_source(data, "web.yaml"))
    if isinstance(document, ImagePinnerError):
        assert isinstance(document, UnreadableTemplateError)
        assert document.cause.startswith("web.yaml")
        assert document.help
        return
    assert document.apply(()) == data
    json.dumps(document.tree)


class WithoutAliases(yaml.SafeDumper):
    """Writes equal values out at each of their places."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


dump_options = st.fixed_dictionaries(
    {
        "default_style": st.sampled_from((None, '"', "'", "|", ">")),
        "default_flow_style": st.sampled_from((None, True, False)),
        "indent": st.integers(2, 6),
        "width": st.sampled_from((20, 80, 4096)),
        "allow_unicode": st.booleans(),
    }
)


@given(templates, dump_options, st.data())
@SETTINGS
def test_edits_of_what_pyyaml_writes_say_what_they_should(
    tree: dict[str, Any], options: dict[str, Any], data: st.DataObject
) -> None:
    text = yaml.dump(tree, Dumper=WithoutAliases, sort_keys=False, **options)
    assume(written_well(text, tree))
    document = read_source(text.encode(), "web.yaml")
    assert first_difference(document.tree, tree) is None
    check_edits(document, draw_edits(data, document.tree), ())


def written_well(text: str, tree: dict[str, Any]) -> bool:
    """Tell whether PyYAML reads back what it wrote: of some block scalars it does not."""
    try:
        return bool(yaml.safe_load(text) == tree)
    except yaml.YAMLError:
        return False


json_options = st.fixed_dictionaries(
    {
        "indent": st.sampled_from((None, 0, 1, 2, 4, "\t")),
        "separators": st.sampled_from(((",", ":"), (", ", ": "), (" , ", " : "))),
        "ensure_ascii": st.booleans(),
    }
)


@given(templates, json_options, st.sampled_from(("\n", "\r\n")), st.data())
@SETTINGS
def test_edits_of_json_say_what_they_should(
    tree: dict[str, Any], options: dict[str, Any], line_break: str, data: st.DataObject
) -> None:
    text = json.dumps(tree, **options).replace("\n", line_break)
    document = read_source(text.encode(), "web.json")
    assert document.is_json
    assert first_difference(document.tree, tree) is None
    edits = draw_edits(data, document.tree)
    check_edits(document, edits, ())
    assert json.loads(document.apply(edits)) == apply_edits(tree, edits)


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@given(written=hand_written(), data=st.data())
@settings(SETTINGS, max_examples=20)
def test_the_encoding_makes_no_difference(codec: str, written: Written, data: st.DataObject) -> None:
    plain = read_source(written.text.encode(), "web.yaml")
    document = read_source(("\ufeff" + written.text).encode(codec), "web.yaml")
    edits = draw_edits(data, document.tree)
    assert document.apply(edits).decode(codec) == "\ufeff" + plain.apply(edits).decode()
