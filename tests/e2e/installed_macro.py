"""Install the macro like a user: deploy/macro.yaml and the package, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from build_package.build import Package
from e2e.engine.cloudformation import Engine
from e2e.engine.environment import ROOT
from e2e.macro_stack import BUCKET, upload
from e2e.stacks import Stacks
from image_pinner.cli.deployment.code import code_from

TEMPLATE = ROOT / "deploy" / "macro.yaml"


@contextmanager
def installed(engine: Engine, package: Package, name: str = "image-pinner", **parameters: str) -> Iterator[str]:
    """Install the macro until the block ends, and yield the name of its stack.

    Args:
        engine: The engine.
        package: The package.
        name: The stack's name.
        parameters: Parameters of the template, except the location of the code.
    """
    code = code_from(package.path)
    upload(engine, code.key, code.data)
    stacks = Stacks(engine)
    own = {"CodeBucket": BUCKET, "CodeKey": code.key, "Revision": "1"}
    stacks.create(name, TEMPLATE.read_text("utf-8"), {**own, **parameters})
    try:
        yield name
    finally:
        stacks.delete(name)
