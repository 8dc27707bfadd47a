from __future__ import annotations

import pytest

from image_pinner.core.template.paths import Step, TemplatePath, value_at


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), "(the whole fragment)"),
        (("Resources",), "Resources"),
        (
            ("Resources", "Web", "Properties", "ContainerDefinitions", 0, "Image"),
            "Resources.Web.Properties.ContainerDefinitions[0].Image",
        ),
        (("Resources", "Web", "Image", "Fn::If", 1), "Resources.Web.Image.Fn::If[1]"),
        (("Resources", "Web${Id}", "Image"), "Resources['Web${Id}'].Image"),
        (("a.b",), "['a.b']"),
        ((0, "a"), "[0].a"),
        (("",), "['']"),
        (("it's",), '["it\'s"]'),
        (("a\nb", "c"), "['a\\nb'].c"),
        ((None, 1.5, True), "[None][1.5][True]"),
    ],
)
def test_a_path_is_printed_on_one_line(steps: tuple[Step, ...], text: str) -> None:
    assert str(TemplatePath(steps)) == text


def test_a_child_extends_the_path_and_its_parent_shortens_it() -> None:
    path = TemplatePath(("Resources",)).child("Web", 0)
    assert path.steps == ("Resources", "Web", 0)
    assert path.parent == TemplatePath(("Resources", "Web"))
    assert TemplatePath().parent == TemplatePath()


def test_a_path_starts_with_itself_and_its_parents() -> None:
    path = TemplatePath(("a", "b"))
    assert path.starts_with(path)
    assert path.starts_with(TemplatePath(("a",)))
    assert not TemplatePath(("a",)).starts_with(path)
    assert not TemplatePath(("ab",)).starts_with(TemplatePath(("a",)))


@pytest.mark.parametrize(("steps", "error"), [(("b",), KeyError), (("a", 2), IndexError), (("a", 0, "b"), KeyError)])
def test_a_path_that_does_not_exist_has_no_value(steps: tuple[Step, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        value_at({"a": [{}, 1]}, steps)


def test_the_value_at_a_path_is_found_in_mappings_and_lists() -> None:
    tree = {"a": [{"b": 1}, 2]}
    assert value_at(tree, ()) is tree
    assert value_at(tree, ("a", 0, "b")) == 1
