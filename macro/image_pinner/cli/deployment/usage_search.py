"""The stacks of a region whose templates name a macro."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from image_pinner.cli.deployment.aws_access import AskFailed
from image_pinner.cli.deployment.macro_usage import names_macro
from image_pinner.cli.deployment.stack_states import REVIEW
from image_pinner.cli.deployment.stacks import is_absence
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.sources.concurrency import run_all
from image_pinner.sources.interface import Deadline

_WORKERS = 8  # GetTemplate is throttled by account; more only makes it say so
_MOST_SECONDS = 1800.0
_GONE = {"DELETE_COMPLETE", REVIEW}


class Usage(NamedTuple):
    """Who names the macro.

    Args:
        looked_at: How many stacks were looked at.
        naming: The names of those that name it.
        unknown: The names of those whose template could not be had, with the reason.
    """

    looked_at: int
    naming: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]


class _Seen(NamedTuple):
    name: str
    names_it: bool
    problem: str


def who_names(surroundings: Surroundings, region: str, macro: str, own: str) -> Usage:
    """Look into the templates of all stacks of a region, nested ones too.

    Args:
        surroundings: Who is asked and told.
        region: The region.
        macro: The macro's name.
        own: The ARN of the macro's own stack, which does not count.

    Returns:
        Who names it.

    Raises:
        AskFailed: The stacks could not be listed.
    """
    pages = surroundings.asker.pages("cloudformation", region, "list_stacks")
    stacks = [
        (one["StackName"], one["StackId"])
        for page in pages
        for one in page["StackSummaries"]
        if one["StackStatus"] not in _GONE and one["StackId"] != own
    ]
    with surroundings.teller.live(f"{region}: looking into the templates of {len(stacks)} stacks") as update:
        done: list[str] = []

        def look(name: str, identifier: str) -> _Seen:
            seen = _look(surroundings, region, macro, (name, identifier))
            done.append(name)
            update(f"{region}: looked into the templates of {len(done)} of {len(stacks)} stacks")
            return seen

        jobs: list[Callable[[], _Seen]] = [partial(look, *stack) for stack in stacks]
        results = run_all(jobs, workers=_WORKERS, deadline=Deadline.after(_MOST_SECONDS))
    answers = [
        seen or _Seen(name, names_it=False, problem="there was no time for it")
        for (name, _), seen in zip(stacks, results, strict=True)
    ]
    return Usage(
        len(answers),
        tuple(sorted(one.name for one in answers if one.names_it)),
        tuple(sorted((one.name, one.problem) for one in answers if one.problem)),
    )


def _look(surroundings: Surroundings, region: str, macro: str, stack: tuple[str, str]) -> _Seen:
    name, identifier = stack
    try:
        told = surroundings.asker.ask(
            "cloudformation", region, "get_template", StackName=identifier, TemplateStage="Original"
        )
    except AskFailed as failure:
        # Deleted in the meantime.
        return _Seen(name, names_it=False, problem="" if is_absence(failure) else failure.cause)
    body = told.get("TemplateBody")
    if body is None:
        return _Seen(name, names_it=False, problem="its template could not be had")
    return _Seen(name, names_macro(body, macro), "")
