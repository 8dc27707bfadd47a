"""The configuration of gates, by the platform team and by templates, in one grammar: entries `gate.option=value`.

A gate is on if an entry names it: `age.minimum=3d` denies images that are younger. `age.mode=warn` reports them only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from image_pinner.core.errors import InvalidOptionError, cut
from image_pinner.core.gates.age import Age
from image_pinner.core.gates.enabled import DENY, WARN, EnabledGate
from image_pinner.core.gates.immutable_tags import ImmutableTags
from image_pinner.core.gates.interface import Gate, GateOption, one_of
from image_pinner.core.gates.lifecycle import Lifecycle
from image_pinner.core.gates.marked import Marked
from image_pinner.core.gates.repositories import Repositories
from image_pinner.core.gates.signed_by_aws import SignedByAws
from image_pinner.core.gates.tags import Tags
from image_pinner.core.gates.vulnerabilities import Vulnerabilities

GATES: tuple[type[Gate], ...] = (
    Repositories,
    Tags,
    Marked,
    Age,
    ImmutableTags,
    Vulnerabilities,
    Lifecycle,
    SignedByAws,
)
"""Every gate, in the order of reports."""

OFF = "off"
_MODE = GateOption(
    "mode",
    "`deny`, `warn`, `off`",
    "What happens to an image that does not satisfy the gate.",
    *one_of(OFF, WARN, DENY),
    default=DENY,
)
_UNKNOWN = GateOption(
    "unknown",
    "`deny`, `warn`",
    "What happens to an image whose facts are not known.",
    *one_of(WARN, DENY),
    default=DENY,
)
COMMON_OPTIONS = (_MODE, _UNKNOWN)
"""The options that every gate has."""

_BY_ID = {gate.id: gate for gate in GATES}
_ENTRY = re.compile(r"([^\s.=]+)\.([^\s.=]+)\s*=(.*)", re.DOTALL)
_MAX_ENTRIES = 1_000
_MAX_SHOWN = 80  # characters of a wrong entry that a message repeats
_WRITE_ENTRIES = "write gate.option=value entries, for example age.minimum=3d"


class GateRule(NamedTuple):
    """What is set for a gate: the values of its options by name, sorted; options that are not set are missing."""

    gate: str
    values: tuple[tuple[str, Any], ...]

    @property
    def mode(self) -> str:
        """The mode; a gate that is named denies unless something else is set."""
        return str(dict(self.values).get(_MODE.name, DENY))

    def over(self, configured: GateRule) -> tuple[GateRule, str]:
        """Return the rule that applies if `configured` is the platform configuration, and the first looser option."""
        if configured.mode == OFF:  # nothing can be looser
            prepared = {name: value for name, value in configured.values if name != _MODE.name}
            return GateRule(self.gate, tuple(sorted((prepared | dict(self.values)).items()))), ""
        base = _defaults(self.gate) | dict(configured.values)
        merged, looser = dict(base), ""
        for name, value in self.values:
            strictest = _option(self.gate, name).tighten(base[name], value) if name in base else value
            looser = looser or (name if strictest is None else "")
            merged[name] = base[name] if strictest is None else strictest
        return GateRule(self.gate, tuple(sorted(merged.items()))), looser

    def shown(self, name: str) -> str:
        """Return an option with its value, as an entry."""
        option = _option(self.gate, name)
        value = dict(self.values).get(name, option.default)
        text = ", ".join(map(option.show, value)) or "none" if option.repeatable else option.show(value)
        return cut(f"{self.gate}.{name}={text}", _MAX_SHOWN)


class GateRules(NamedTuple):
    """What is set for all gates, sorted; gates that are not set are missing."""

    rules: tuple[GateRule, ...] = ()

    def over(self, configured: GateRules) -> GateRules:
        """Return these rules, those of the platform configuration tightened and not loosened by them."""
        merged = {rule.gate: rule for rule in configured.rules}
        for rule in self.rules:
            merged[rule.gate] = rule.over(merged[rule.gate])[0] if rule.gate in merged else rule
        return GateRules(tuple(sorted(merged.values())))

    def find_loosened(self, configured: GateRules) -> str:
        """Return which of these rules is less strict than the platform configuration, as a clause, or empty."""
        known = {rule.gate: rule for rule in configured.rules}
        for rule in self.rules:
            if rule.gate in known and (name := rule.over(known[rule.gate])[1]):
                return f"{rule.shown(name)} is less strict than the configured {known[rule.gate].shown(name)}"
        return ""

    def find_incomplete(self) -> str:
        """Return what is missing for a gate to have any effect, as an imperative clause, or empty."""
        for rule in self.rules:
            required, names = _BY_ID[rule.gate].required, {name for name, _ in rule.values}
            if required and not names.intersection(required):
                return f"set {' or '.join(f'{rule.gate}.{name}' for name in required)}"
        return ""

    @property
    def enabled(self) -> tuple[EnabledGate, ...]:
        """The gates that are on, in the order of `GATES`."""
        return tuple(_enable(rule) for rule in sorted(self.rules, key=_position) if rule.mode != OFF)


def parse_gates(value: Any) -> GateRules:
    """Parse entries `gate.option=value`: a list, or a text in which `;` or line feeds separate them.

    Raises:
        InvalidOptionError: An entry is not valid.
    """
    entries = re.split(r"[;\n]", value) if isinstance(value, str) else value
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise InvalidOptionError("option Gates is neither a text nor a list of texts", _WRITE_ENTRIES)
    if len(entries) > _MAX_ENTRIES:
        raise InvalidOptionError(f"option Gates has more than {_MAX_ENTRIES:,} entries", "write fewer entries")
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.strip():
            _add_entry(found, entry)
    return GateRules(tuple(sorted(GateRule(gate, tuple(sorted(values.items()))) for gate, values in found.items())))


def _add_entry(found: dict[str, dict[str, Any]], entry: str) -> None:
    entry = entry.strip()
    match = _ENTRY.fullmatch(entry)
    shown = repr(cut(entry, _MAX_SHOWN))
    if match is None:
        raise InvalidOptionError(f"invalid entry {shown} of option Gates", _WRITE_ENTRIES)
    gate, name, text = match.groups()
    if gate not in _BY_ID:
        raise InvalidOptionError(
            f"unknown gate {gate!r}{_did_you_mean(gate, _BY_ID)}", f"use one of {', '.join(_BY_ID)}"
        )
    known = {option.name: option for option in _options(gate)}
    if name not in known:
        hint = _did_you_mean(name, known)
        raise InvalidOptionError(f"gate {gate} has no option {name!r}{hint}", f"use one of {', '.join(known)}")
    option, values = known[name], found.setdefault(gate, {})
    if name in values and not option.repeatable:
        raise InvalidOptionError(f"duplicate entry {gate}.{name} of option Gates", "remove one of them")
    try:
        read = option.read(text.strip())
    except ValueError as error:
        raise InvalidOptionError(f"invalid entry {shown} of option Gates", str(error)) from None
    values[name] = (*values.get(name, ()), read) if option.repeatable else read


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - not needed to start the function

    similar = difflib.get_close_matches(name.lower(), known, 1)
    return f" (did you mean {similar[0]!r}?)" if similar else ""


def _options(gate: str) -> tuple[GateOption, ...]:
    return (*COMMON_OPTIONS, *_BY_ID[gate].options)


def _option(gate: str, name: str) -> GateOption:
    return next(option for option in _options(gate) if option.name == name)


def _defaults(gate: str) -> dict[str, Any]:
    return {option.name: option.default for option in _options(gate) if option.default is not None}


def _position(rule: GateRule) -> int:
    return list(_BY_ID).index(rule.gate)


def _enable(rule: GateRule) -> EnabledGate:
    values = dict(rule.values)
    options = {option.field: values[option.name] for option in _BY_ID[rule.gate].options if option.name in values}
    return EnabledGate(_BY_ID[rule.gate](**options), rule.mode, values.get(_UNKNOWN.name, DENY))
