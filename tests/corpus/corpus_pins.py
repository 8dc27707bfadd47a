"""Templates of the corpus with all their images pinned: by the command, and in memory with what is known then."""

from __future__ import annotations

from functools import cache

from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.template.fragments import Fragment, Shape
from image_pinner.core.template.options import Options, Pin
from image_pinner.pinning import PinResult, Resolvers, pin_template
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline
from support.command import Run, image_pinner
from support.corpus import ACCOUNT, CORPUS, MADE_UP, REGION, GenerousWorld, made_up_values, tree

VALUES = ["defaults", MADE_UP]
"""With which values of parameters: only their defaults, or made-up ones where there is none."""


@cache
def pinned(name: str, values: str, record: str = "Label") -> Run:
    """Run `pin --pin All` on a template."""
    return run_pin(str(CORPUS / name), b"", given_values(name, values), record)


def given_values(name: str, values: str) -> dict[str, str]:
    return made_up_values(name) if values == MADE_UP else {}


def run_pin(template: str, stdin: bytes, values: dict[str, str], record: str = "Label") -> Run:
    return image_pinner(
        *("pin", "--pin", "All", "--unsafe-implicit-latest", template, "--region", REGION, "--account", ACCOUNT),
        *(part for name, value in values.items() for part in ("--parameter", f"{name}={value}")),
        resolvers=GenerousWorld(),
        stdin=stdin,
        env={"IMAGE_PINNER_RECORD": record},
    )


@cache
def pinned_in_memory(name: str, values: str) -> PinResult:
    """Pin all images of a template as the command does, and keep what it knows."""
    return pin_tree(tree(name), given_values(name, values))


def pin_tree(template: JsonObject, values: dict[str, str]) -> PinResult:
    scope = Scope.of_template(template, values, region=REGION, account_id=ACCOUNT, ssm_names=True)
    settings = Settings(options=Options(pin=Pin.ALL), unsafe_implicit_latest=True)
    resolvers = GenerousWorld()
    fragment = Fragment(Shape.TEMPLATE, template, {}, template)
    return pin_template(fragment, scope, settings, Resolvers(resolvers, resolvers), Deadline.after(60))
