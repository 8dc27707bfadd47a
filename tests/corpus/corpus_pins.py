"""Templates of the corpus with all images pinned, by the command and in memory."""

from __future__ import annotations

from functools import cache

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline
from support.command import Run, image_pinner
from support.corpus import ACCOUNT, CORPUS, GENERATED, REGION, PermissiveRegistry, generated_values, tree

VALUES = ["defaults", GENERATED]
"""The parameter values: only defaults, or invented values for parameters without one."""


@cache
def pinned(name: str, values: str, record: str = "Label") -> Run:
    """Run `pin --pin All` on a template."""
    return run_pin(str(CORPUS / name), b"", parameter_values(name, values), record)


def parameter_values(name: str, values: str) -> dict[str, str]:
    return generated_values(name) if values == GENERATED else {}


def run_pin(template: str, stdin: bytes, values: dict[str, str], record: str = "Label") -> Run:
    return image_pinner(
        *("pin", "--pin", "All", "--unsafe-implicit-latest", template, "--region", REGION, "--account", ACCOUNT),
        *(part for name, value in values.items() for part in ("--parameter", f"{name}={value}")),
        resolvers=PermissiveRegistry(),
        stdin=stdin,
        env={"IMAGE_PINNER_RECORD": record},
    )


@cache
def pinned_in_memory(name: str, values: str) -> PinResult:
    """Pin all images of a template in memory, as the command does."""
    return pin_tree(tree(name), parameter_values(name, values))


def pin_tree(template: JsonObject, values: dict[str, str]) -> PinResult:
    scope = Scope.of_template(template, values, region=REGION, account_id=ACCOUNT, ssm_names=True)
    settings = Settings(unsafe_implicit_latest=True)
    resolvers = PermissiveRegistry()
    fragment = Fragment(Shape.TEMPLATE, template, {"Pin": "All"}, template)
    return pin_template(fragment, scope, settings, lambda _: Resolvers(resolvers, resolvers), Deadline.after(60))
