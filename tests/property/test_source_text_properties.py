"""In every layout, an edited file reads as intended and all other bytes stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from image_pinner.cli.documents import InPlaceEditError, SourceDocument, read_source
from image_pinner.cli.documents.edits import first_difference
from image_pinner.cli.documents.nodes import (
    children_of,
    content_of,
    is_block_collection,
    last_leaf,
    parent_of,
    resolve_path,
)
from image_pinner.cli.documents.text import YAML_LINE_BREAK, SourceText
from image_pinner.cli.documents.yaml_reader import LOADER, read_yaml
from image_pinner.core.errors import ImagePinnerError, UnreadableTemplateError
from image_pinner.core.template.edits import Delete, Edit, InsertKey, Replace, apply_edits
from image_pinner.core.template.paths import Step, TemplatePath, value_at
from property.source_text_layouts import Written, hand_written, keys, templates, values

T = TypeVar("T")
SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def paths_of(value: Any, steps: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    yield steps
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in pairs:
        yield from paths_of(inner, (*steps, step))


def draw_value(data: st.DataObject, old: Any) -> Any:
    """Choose a new value: any, or the old collection with a part that differs, or with one more element in a list."""
    new = data.draw(values)
    if not isinstance(old, dict | list) or data.draw(st.booleans()):
        return new
    steps = data.draw(st.sampled_from(list(paths_of(old))))
    part = value_at(old, steps)
    if isinstance(part, list):
        index = data.draw(st.integers(0, len(part)))
        new = [*part[:index], new, *part[index:]]
    return apply_edits(old, [Replace(TemplatePath(steps), new)])


def draw_edits(data: st.DataObject, tree: dict[str, Any]) -> list[Edit]:
    """Choose replacements and deletions that do not contain each other, and new keys for the mappings that remain."""
    paths = list(paths_of(tree))
    chosen: list[tuple[Step, ...]] = []
    for steps in data.draw(st.lists(st.sampled_from(paths[1:] or paths), max_size=4, unique=True)):
        if steps and not any(steps[: len(other)] == other or other[: len(steps)] == steps for other in chosen):
            chosen.append(steps)
    edits: list[Edit] = [
        Delete(TemplatePath(steps))
        if data.draw(st.booleans())
        else Replace(TemplatePath(steps), draw_value(data, value_at(tree, steps)))
        for steps in chosen
    ]
    mappings = [steps for steps in paths if isinstance(value_at(tree, steps), dict) and value_at(tree, steps)]
    for steps in data.draw(st.lists(st.sampled_from(mappings), max_size=3)):
        if any(steps[: len(other)] == other for other in chosen):
            continue
        key = data.draw(keys)
        taken = {edit.key for edit in edits if isinstance(edit, InsertKey) and edit.path.steps == steps}
        if key not in value_at(tree, steps) and key not in taken:
            after = data.draw(st.sampled_from(list(value_at(tree, steps))))
            edits.append(InsertKey(TemplatePath(steps), key, data.draw(values), after))
    return data.draw(st.permutations(edits))


def touched_lines(document: SourceDocument, edit: Edit) -> range:
    """Return the lines that an edit may change; for a new key in block style, only those of a last block scalar."""
    source = document.source
    target = resolve_path(document.root, edit.path)
    node = content_of(target.node)
    if isinstance(edit, InsertKey) and is_block_collection(node) and target.inside_tag == bool(node.function):
        leaf = last_leaf(node)
        at_end = not source.text[leaf.end :].strip()
        return range(source.position(leaf.start).line, source.position(leaf.end).line + 1) if at_end else range(0)
    parent = parent_of(document.root, node)
    if isinstance(edit, Delete):
        # The collection is rewritten if it loses all members.
        node = parent.node if parent else document.root
        parent = parent_of(document.root, node)
    first = node.start
    if parent and parent.member:
        first = parent.member.key.start
    elif parent:
        first = children_of(parent.node)[parent.position - 1].end if parent.position else parent.node.start
    last = source.position(node.end).line
    # Blank lines and comments below a deleted member may be deleted with it.
    while isinstance(edit, Delete) and last < len(source.line_starts):
        if source.line_text(last + 1).strip().partition("#")[0]:
            break
        last += 1
    return range(source.position(first).line, last + 1)


def attempt(action: Callable[[], T]) -> T | ImagePinnerError:
    """Return the result of an action, or the error that it raises."""
    try:
        return action()
    except ImagePinnerError as error:
        return error


def check_edits(document: SourceDocument, edits: list[Edit], notes: tuple[str, ...]) -> None:
    result = document.apply(edits)
    again = read_source(result, "again")
    assert first_difference(again.tree, apply_edits(document.tree, edits)) is None
    after = iter([again.source.line_text(number) for number in range(1, len(again.source.line_starts) + 1)])
    touched = {number for edit in edits for number in touched_lines(document, edit)}
    for number in range(1, len(document.source.line_starts) + 1):
        if number not in touched:
            assert document.source.line_text(number) in after, f"line {number} is changed or has moved"
    lost = " ".join(document.lost_comments(edits))
    for note in notes:
        assert note in again.source.text or note in lost


@given(hand_written())
@SETTINGS
def test_every_layout_is_read_as_its_tree(written: Written) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    assert first_difference(document.tree, written.tree) is None
    assert document.apply(()) == written.text.encode()


@given(hand_written())
@SETTINGS
def test_both_loaders_return_the_same_positions(written: Written) -> None:
    source = SourceText.of("web.yaml", written.text, YAML_LINE_BREAK)
    todo = [(read_yaml(source, LOADER), read_yaml(source, yaml.SafeLoader))]
    while todo:
        fast, pure = todo.pop()
        assert (fast.start, fast.end, fast.tree) == (pure.start, pure.end, pure.tree)
        todo += zip(children_of(fast), children_of(pure), strict=True)


@given(hand_written(), st.data())
@SETTINGS
def test_edited_hand_written_yaml_reads_as_intended(written: Written, data: st.DataObject) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    check_edits(document, draw_edits(data, document.tree), written.notes)


@given(hand_written(aliases=True), st.data())
@SETTINGS
def test_edits_of_yaml_with_aliases_are_refused_or_read_as_intended(written: Written, data: st.DataObject) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    assert first_difference(document.tree, written.tree) is None
    edits = draw_edits(data, document.tree)
    result = attempt(lambda: document.apply(edits))
    if isinstance(result, ImagePinnerError):
        assert "cannot edit" in result.cause
        assert "*" in written.text
        return
    assert first_difference(read_source(result, "again").tree, apply_edits(document.tree, edits)) is None


@given(hand_written(aliases=True))
@SETTINGS
def test_edits_through_an_alias_are_always_refused(written: Written) -> None:
    document = read_source(written.text.encode(), "web.yaml")
    paths = [TemplatePath(steps) for steps in paths_of(document.tree)]
    for path in paths:
        if resolve_path(document.root, path).shared:
            with pytest.raises(InPlaceEditError, match="through the alias"):
                document.apply([Replace(path, "new")])


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
def test_any_text_is_read_or_refused_with_cause_and_help(text: str) -> None:
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
    """Writes equal values without aliases."""

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
def test_edited_pyyaml_output_reads_as_intended(
    tree: dict[str, Any], options: dict[str, Any], data: st.DataObject
) -> None:
    text = yaml.dump(tree, Dumper=WithoutAliases, sort_keys=False, **options)
    assume(written_well(text, tree))
    document = read_source(text.encode(), "web.yaml")
    assert first_difference(document.tree, tree) is None
    check_edits(document, draw_edits(data, document.tree), ())


def written_well(text: str, tree: dict[str, Any]) -> bool:
    """Return whether PyYAML reads what it wrote; for some block scalars it does not."""
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
def test_edited_json_reads_as_intended(
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
def test_encoding_makes_no_difference(codec: str, written: Written, data: st.DataObject) -> None:
    plain = read_source(written.text.encode(), "web.yaml")
    document = read_source(("\ufeff" + written.text).encode(codec), "web.yaml")
    edits = draw_edits(data, document.tree)
    assert document.apply(edits).decode(codec) == "\ufeff" + plain.apply(edits).decode()
