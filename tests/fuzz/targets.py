"""The targets of the fuzzer: parsers of untrusted input, and what must hold for any input.

An exception from a target is a failure. Targets handle the errors that the package raises on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fuzz import conversation_targets, document_targets, seeds, template_seeds, template_targets, text_targets
from fuzz.mutations import Mutate, mutated_json, mutated_template, mutated_text


@dataclass(frozen=True)
class Target:
    """A parser of untrusted input with its seeds and mutations."""

    name: str
    run: Callable[[bytes], None]
    seeds: Sequence[bytes]
    mutate: Mutate = mutated_text
    max_bytes: int = 1024


def _encoded(texts: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


TARGETS = {
    target.name: target
    for target in (
        Target("references", text_targets.references, _encoded(seeds.REFERENCES)),
        Target("challenges", text_targets.challenges, _encoded(seeds.CHALLENGES)),
        Target("names", text_targets.names, _encoded(seeds.NAMES), max_bytes=256),
        Target("redirects", conversation_targets.redirects, _encoded(seeds.LOCATIONS)),
        Target("replies", conversation_targets.replies, seeds.REPLIES, max_bytes=2048),
        Target("tokens", conversation_targets.tokens, _encoded(seeds.TOKENS)),
        Target("diagnostics", text_targets.diagnostics, seeds.DIAGNOSTICS, max_bytes=4096),
        Target("manifests", document_targets.manifests, seeds.MANIFESTS, mutated_json, 8192),
        Target("configs", document_targets.configs, seeds.CONFIGS, mutated_json, 8192),
        Target("docker-configs", document_targets.docker_configs, seeds.DOCKER_CONFIGS, mutated_json, 8192),
        Target("evaluation", template_targets.evaluation, template_seeds.EXPRESSIONS, mutated_template, 8192),
        Target("events", template_targets.events, template_seeds.EVENTS_OF_TEMPLATES, mutated_template, 8192),
    )
}


def _planted(data: bytes) -> None:
    if b"{" in data:
        raise KeyError("a planted bug")


# Not in `TARGETS`: with it, the tests verify that failures are found, reported and stored.
PLANTED = Target("planted", _planted, (b"[]",))


def found_line(name: str, data: bytes) -> str:
    """Return the line for `FOUND` in `found_inputs.py`, with which the tests run this input."""
    return f'    ("{name}", {data!r}),'
