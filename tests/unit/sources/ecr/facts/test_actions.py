"""The IAM actions of facts and keep-tags are those of the operations that the code names."""

from __future__ import annotations

import ast
from pathlib import Path

import botocore.loaders
from botocore import xform_name

from image_pinner.sources.ecr import facts
from image_pinner.sources.ecr.facts.source import FACTS
from image_pinner.sources.ecr.keep_tags import KEEP_TAG_WRITER

FOLDER = Path(facts.__file__).parent
OPERATIONS = {
    xform_name(name): f"ecr:{name}"
    for name in botocore.loaders.Loader().load_service_model("ecr", "service-2")["operations"]
}


def test_every_operation_has_its_action_and_every_action_its_operation() -> None:
    called = {
        OPERATIONS[node.value]
        for file in (*FOLDER.glob("*.py"), FOLDER.parent / "keep_tags.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in OPERATIONS
    }
    readers = (*FACTS.values(), KEEP_TAG_WRITER)
    declared = {action for reader in readers for actions in reader.actions.values() for action in actions}
    assert called == {action for action in declared if action.startswith("ecr:")}
    # ECR makes these requests to Inspector.
    assert declared - called == {"inspector2:ListCoverage", "inspector2:ListFindings"}
