"""The blocks of the documents that come from the code: each a function of nothing that gives Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from image_pinner.cli.console import MEANINGS
from image_pinner.cli.main import SUBCOMMANDS, command
from image_pinner.core.images.manifests import MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES
from image_pinner.core.template.locations import image_locations
from image_pinner.core.template.options import OPTION_RULES
from image_pinner.settings import Settings
from image_pinner.settings.rules import SETTING_RULES
from image_pinner.sources.http.circuit_breaker import FAILURES_IN_A_ROW
from image_pinner.sources.http.messages import MAX_ERROR_BYTES, RETRYABLE_STATUSES
from image_pinner.sources.http.transport import MAX_REDIRECTS, PER_HOST, RetryPolicy, TimeLimits

ANNOTATIONS = (
    ("quoted mark", '`"!PinDigest repo:tag"`', "yes", "clean", "images, one by one"),
    (
        "snippet",
        "`{Fn::Transform: {Name: ImagePinner, Parameters: {Image: repo:tag}}}`",
        "yes",
        "clean",
        "one image, without `Transform` in the template",
    ),
    (
        "Metadata of a resource",
        "`Metadata: {ImagePinner: {Pin: All}}`, `{Pin: [web, sidecar]}`, `{Pin: Skip}`",
        "yes",
        "clean",
        "images that must stay as they are written",
    ),
    (
        "the whole template",
        "`Transform: [{Name: ImagePinner, Parameters: {Pin: All}}]`, or `ImagePinner` in its Metadata",
        "yes",
        "clean",
        "everything at once",
    ),
    ("real tag", "`!PinDigest repo:tag`", "**no**", "E3012", "the command, on a template on your disk"),
    ("long form", "`Fn::PinDigest: repo:tag`", "not sure", "E3012", "nobody; it is understood where it arrives"),
)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def annotations() -> str:
    """Give the table of annotations."""
    return _table(("form", "example", "CloudFormation accepts it", "cfn-lint", "for"), ANNOTATIONS)


def options() -> str:
    """Give the table of options."""
    return _table(
        ("option", "values, the default first", "meaning"),
        ((f"`{rule.name}`", rule.values, rule.meaning) for rule in OPTION_RULES if rule.values),
    )


def settings() -> str:
    """Give the table of settings."""
    return _table(
        ("variable", "values, the default first", "meaning"),
        ((f"`{rule.variable}`", rule.values, rule.meaning) for rule in SETTING_RULES),
    )


def locations() -> str:
    """Give the table of locations."""
    rows = []
    for resource_type, places in image_locations().items():
        for place in places:
            accepts = place.refused or (
                "`repo@sha256:…`" + ("" if place.index_allowed else ", of one platform: no index")
            )
            left = ", ".join(f"`{start}…`" for start in place.managed)
            rows.append(
                (
                    f"[{resource_type}]({place.link})",
                    f"`{place.path.removeprefix('$.')}`",
                    accepts + (f"; {left} left alone" if left else ""),
                )
            )
    return _table(("resource", "property", "takes"), rows)


def bounds() -> str:
    """Give the table of bounds of what registries are asked."""
    mib, kib = 1024 * 1024, 1024
    limits, retry, settings = TimeLimits(), RetryPolicy(), Settings()
    statuses = ", ".join(map(str, sorted(RETRYABLE_STATUSES)))
    rows = (
        ("to connect", f"{limits.connect:g} s, TLS included"),
        ("between two pieces of an answer", f"{limits.read:g} s"),
        (
            "one registry, all its images together",
            f"`IMAGE_PINNER_HOST_TIMEOUT`, {settings.host_timeout:g} s; its connections are cut then",
        ),
        (
            "the whole run",
            f"`IMAGE_PINNER_TIMEOUT`, {settings.timeout:g} s, and in the function the time that is left",
        ),
        (
            "a manifest, a config, an error",
            f"{MAX_MANIFEST_BYTES // mib} MiB, {MAX_CONFIG_BYTES // mib} MiB, {MAX_ERROR_BYTES // kib} KiB",
        ),
        ("connections to one registry", f"{PER_HOST}"),
        (
            "redirects",
            f"{MAX_REDIRECTS}, never from https to http, to a private, loopback or link-local address only with leave",
        ),
        (
            "tries of one request",
            f"{retry.attempts}, for {statuses} and lost connections, with growing waits or those of `Retry-After`",
        ),
        ("requests in a row that fail with 5xx before a host is given up", f"{FAILURES_IN_A_ROW}"),
    )
    return _table(("what", "bound"), rows)


def exit_codes() -> str:
    """Give the table of exit codes."""
    return _table(("code", "meaning"), ((str(int(code)), meaning) for code, meaning in MEANINGS.items()))


def help_texts() -> str:
    """Give the help of the command and of each verb."""
    settings = {**command.context_settings, "max_content_width": 100, "terminal_width": 100}
    context = click.Context(command, info_name="image-pinner", **settings)
    texts = [f"$ image-pinner --help\n{command.get_help(context)}"]
    for verb in SUBCOMMANDS:
        found = command.get_command(context, verb)
        if found is None:
            raise AssertionError(verb)
        below = click.Context(found, parent=context, info_name=verb, max_content_width=100, terminal_width=100)
        texts.append(f"$ image-pinner {verb} --help\n{found.get_help(below)}")
    return "```console\n" + "\n\n".join(texts) + "\n```"


BLOCKS: dict[str, Callable[[], str]] = {
    "annotations": annotations,
    "options": options,
    "settings": settings,
    "locations": locations,
    "bounds": bounds,
    "exit-codes": exit_codes,
    "help": help_texts,
}
