"""Removes the macro from the Transform of a pinned template, which then deploys where the macro is not installed."""

from __future__ import annotations

from collections.abc import Iterator

from image_pinner.core.intrinsics.transforms import calls_of
from image_pinner.core.intrinsics.values import JsonObject
from image_pinner.core.template.classify import CALLED_BY_CLOUDFORMATION
from image_pinner.core.template.edits import Delete, Edit, apply_edits
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.markers import calls_macro
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind, in_order
from image_pinner.core.template.sites import SkipStatus
from image_pinner.pinning import PinResult

_AWS = "AWS::"
_TRANSFORM = TemplatePath(("Transform",))


def drop_transform(result: PinResult, fragment: Fragment, macro: str) -> PinResult:
    """Return the result with the macro removed from Transform, or with a problem for each snippet that calls it."""
    problems = [
        Problem(
            image.path,
            ProblemKind.TEMPLATE,
            f"the template still needs {macro}: this snippet calls it",
            "replace the snippet with a quoted marker",
        )
        for image in result.report.skipped
        if image.status is SkipStatus.SNIPPET and image.reason == CALLED_BY_CLOUDFORMATION
    ]
    if problems or not result.report.succeeded:
        report = result.report._replace(problems=in_order((*result.report.problems, *problems)))
        return PinResult(fragment.original, (), report)
    edits = (*result.edits, *_removals(fragment.tree, macro))
    return result._replace(answer=fragment.answer(apply_edits(fragment.tree, edits)), edits=edits)


def describe_kept(template: JsonObject, file: str, macro: str) -> str:
    """Return a warning if Transform calls only other macros, since one of them may be this one by another name."""
    names = (call.name for call in calls_of(template.get("Transform")))
    others = [name for name in names if isinstance(name, str)]
    macros = [other for other in others if not other.startswith(_AWS)]
    if not macros or macro in others:
        return ""
    return (
        f"warning: {file}: nothing was removed from Transform: it calls {', '.join(macros)}, not {macro}\n"
        "help: if one of them is ImagePinner, set IMAGE_PINNER_MACRO_NAME to its name, or remove it by hand\n"
    )


def _removals(template: JsonObject, macro: str) -> Iterator[Edit]:
    transform = template.get("Transform")
    calls = transform if isinstance(transform, list) else [transform]
    own = [number for number, call in enumerate(calls) if calls_macro(call, macro)]
    if own and len(own) == len(calls):
        yield Delete(_TRANSFORM)
    else:
        yield from (Delete(_TRANSFORM.child(number)) for number in own)
