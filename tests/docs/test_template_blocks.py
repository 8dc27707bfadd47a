"""Every YAML example of the documents passes `image-pinner check`, and the README's example has the shown result."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest
import yaml
from click.testing import CliRunner

from docs.documents import Block, as_parameters, blocks
from image_pinner.cli.console import Dependencies
from image_pinner.cli.main import command, main
from image_pinner.pinning import Resolvers
from image_pinner.sources.in_memory import InMemoryRegistry

TEMPLATES = [block for block in blocks("yaml") if not block.comment.startswith("tested: ")]
"""All but the files of other programs, which have tests of their own."""
CONTAINER = "Type: AWS::ECS::TaskDefinition\nProperties:\n  ContainerDefinitions:\n    - Name: web\n"


def template(text: str) -> str:
    """Complete an example, which may be a part of a template, to a whole template."""
    if text.startswith("Image:"):
        text = f"Web:\n{indent(CONTAINER + indent(text, ' ' * 6), '  ')}"
    elif text.startswith("ContainerDefinitions:"):
        text = f"Web:\n  Type: AWS::ECS::TaskDefinition\n  Properties:\n{indent(text, '    ')}"
    elif text.startswith("Metadata:"):
        text = f"Web:\n{indent(text, '  ')}{indent(CONTAINER, '  ')}        Image: '!PinDigest shop/web:1'\n"
    elif text.startswith("Type:"):
        text = f"Resource:\n{indent(text, '  ')}"
    if "Resources:" not in text and "Transform:" in text.splitlines()[0]:
        text += f"Resources:\n  Web:\n{indent(CONTAINER, '    ')}          Image: '!PinDigest shop/web:1'\n"
    elif "Resources:" not in text:
        names = sorted(set(re.findall(r"\$\{(\w+)\}", text)))
        parameters = "Parameters:\n" + "".join(f"  {name}: {{Type: String}}\n" for name in names) if names else ""
        conditions = 'Conditions:\n  IsProduction: !Equals [!Ref "AWS::Region", us-east-1]\n'
        transform = "Transform: ImagePinner\n" if re.search("PinDigest|ImagePinner:", text) else ""
        text = f"{transform}{parameters}{conditions}Resources:\n{indent(text, '  ')}"
    return text


def findings(text: str, folder: Path) -> int:
    path = folder / "template.yaml"
    path.write_text(template(text), "utf-8")
    result = CliRunner().invoke(command, ["check", str(path)])
    lines = [line for line in result.output.splitlines() if line.startswith(str(path))]
    assert (result.exit_code, bool(lines)) in {(0, False), (1, True)}, result.output
    return len(lines)


def test_an_invalid_example_is_found(tmp_path: Path) -> None:
    assert findings("Image: shop/web:1\n", tmp_path) == 1
    assert findings('Image: "!PinDigest Platfrom=Any shop/web:1"\n', tmp_path) == 1


@pytest.mark.parametrize("block", as_parameters(TEMPLATES))
def test_every_example_passes_check(block: Block, tmp_path: Path) -> None:
    expected = re.match(r"check reports (\d)", block.comment)
    assert findings(block.text, tmp_path) == (int(expected[1]) if expected else 0)


def test_the_first_example_of_the_readme_has_the_shown_result(tmp_path: Path) -> None:
    before, after = [block for block in TEMPLATES if block.document == "README.md"][:2]
    path, result = tmp_path / "template.yaml", tmp_path / "result.yaml"
    path.write_text(before.text, "utf-8")
    registry = InMemoryRegistry(has_every_image=True)

    with pytest.raises(SystemExit) as end:
        main(
            ["pin", str(path), "--output", str(result)],
            dependencies=Dependencies(lambda *_: Resolvers(registry, registry)),
        )

    assert end.value.code == 0
    pinned = yaml.safe_load(result.read_text("utf-8"))
    shown = yaml.safe_load(after.text)
    assert {name: pinned[name] for name in pinned if name != "Transform"} == shown
