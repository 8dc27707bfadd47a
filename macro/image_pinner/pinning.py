"""Pin a template: find images, resolve them, judge them, rewrite the template.

This is the only module that knows all steps. No function that makes requests changes a template, and only `rewrite`
changes one: a failed lookup cannot lead to a rewrite.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from image_pinner.core.decision import Decision, PinPlan, decide, keep_tags, make_plan, subjects_to_judge
from image_pinner.core.deployed import DeployedState, NotKnown, find_denied, plan_deployed_lookups
from image_pinner.core.errors import TooManyLookupsError
from image_pinner.core.gates.enabled import EnabledGate, needs_of
from image_pinner.core.gates.interface import Facts, Subject
from image_pinner.core.images.lookups import ImageLookup, Resolution
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.scope import Scope, no_account
from image_pinner.core.intrinsics.values import Answer, ExternalValue, JsonValue, Known, Unknown
from image_pinner.core.judging import Rules
from image_pinner.core.outcomes import KeptTag, Pinned
from image_pinner.core.report import PinReport
from image_pinner.core.template.edits import Edit, apply_edits
from image_pinner.core.template.fragments import Fragment
from image_pinner.core.template.marker_search import find_misplaced_markers
from image_pinner.core.template.paths import TemplatePath
from image_pinner.core.template.problems import Problem, ProblemKind, in_order
from image_pinner.core.template.records import DigestImage, find_foreign_records
from image_pinner.core.template.rewrite import build_edits
from image_pinner.core.template.scan import ImageScan
from image_pinner.core.template.traversal import TemplateNode
from image_pinner.settings import Settings
from image_pinner.sources.interface import (
    Deadline,
    DeployedImageSource,
    DigestResolver,
    FactSource,
    GateSource,
    KeepTagWriter,
    LockSource,
    NothingKnown,
    ValueResolver,
    iso_time,
)

if TYPE_CHECKING:
    from image_pinner.core.lock import LockFile

_TRANSFORM = TemplatePath(("Transform",))
_MAX_ROUNDS = 4
"""Rounds of lookups whose results require further lookups (a parameter that names an export); templates need 2."""

_NOTHING_KNOWN = NothingKnown()


class Resolvers(NamedTuple):
    """The ports through which pinning reaches registries and AWS; by default nothing is known.

    With a `lock`, all digests are taken from it; it takes precedence over the one that the template names, which
    `locks` reads. Only with `keep_tags`, which the macro has, are keep-tags put on images.
    """

    digests: DigestResolver = _NOTHING_KNOWN
    values: ValueResolver = _NOTHING_KNOWN
    deployed: DeployedImageSource = _NOTHING_KNOWN
    facts: FactSource = _NOTHING_KNOWN
    locks: LockSource = _NOTHING_KNOWN
    gates: GateSource = _NOTHING_KNOWN
    lock: LockFile | None = None
    keep_tags: KeepTagWriter | None = None


class FoundImages(NamedTuple):
    """The images of a template, with what `scope` knows; `problems` are those of the whole template."""

    scope: Scope
    scan: ImageScan
    problems: tuple[Problem, ...]

    @property
    def gates(self) -> tuple[EnabledGate, ...]:
        """The gates that are on: the configured ones, tightened by the template."""
        return self.scan.options.gates.enabled if self.scan.options.gates else ()


class ResolvedImages(NamedTuple):
    """The images of a template, the lookups that they need, and their results."""

    found: FoundImages
    plan: PinPlan
    resolutions: Mapping[ImageLookup, Resolution]


class PinResult(NamedTuple):
    """The result of pinning a template.

    Args:
        answer: The pinned template or fragment; on failure the one that was passed.
        edits: The edits of the tree that was searched; none on failure.
        report: What happened to every image.
    """

    answer: JsonValue
    edits: tuple[Edit, ...]
    report: PinReport


def read_gates(settings: Settings, source: GateSource, deadline: Deadline) -> Settings:
    """Return the settings with the gates of the SSM parameter, if they name one; it cannot loosen the other gates.

    Raises:
        SourceError: The parameter cannot be read now.
        ConfigurationError: It cannot be read, or is not a valid configuration.
    """
    if not settings.gates_parameter:
        return settings
    return settings.with_gates(source.read_gates(settings.gates_parameter, deadline))


def pin_template(
    fragment: Fragment,
    scope: Scope,
    settings: Settings,
    connect: Callable[[ImageScan], Resolvers],
    deadline: Deadline,
) -> PinResult:
    """Pin all marked images of a template, or none.

    `connect` makes the resolvers from a first scan of the template, which made no requests: options of the template
    can decide where digests come from.

    Raises:
        TooManyLookupsError: The template needs more lookups than `settings` allow.
    """
    found = find(fragment, scope, settings)
    resolvers = connect(found.scan)
    if (location := found.scan.options.lock) and resolvers.lock is None:
        account = scope.known_account if location.startswith("s3:") else Known(scope.account_id)
        owner = str(account.value) if isinstance(account, Known) else ""
        lock = resolvers.locks.read_lock(location, owner, deadline)
        if isinstance(lock, NotKnown):
            cause = f"cannot read the lock file: {lock.cause}"
            problem = Problem(_TRANSFORM, ProblemKind.LOOKUP, cause, lock.help)
            report = PinReport((), tuple(found.scan.skipped), (*found.problems, problem), tuple(found.scan.pinned))
            return PinResult(fragment.original, (), report)
        resolvers = resolvers._replace(lock=lock)
    resolved = resolve(fragment, found, settings, resolvers, deadline)
    facts = _gather_facts(resolved, settings, resolvers.facts, deadline)
    result = rewrite(fragment, resolved, _decide(resolved, settings, facts))
    if not (resolvers.keep_tags and result.report.succeeded):
        return result
    # A write, and therefore the last step: no other problem can follow it.
    failures = _put_keep_tags(found.gates, facts, resolvers.keep_tags, deadline)
    return rewrite(fragment, resolved, _decide(resolved, settings, failures)) if failures else result


def find(fragment: Fragment, scope: Scope, settings: Settings) -> FoundImages:
    """Find the images of a template; the account is requested only if one of them is pinned or judged."""
    if scope.account_id:
        return _find(fragment, scope, settings)
    was_missed = False

    def miss_account() -> Answer:
        nonlocal was_missed
        was_missed = True
        return no_account()

    found = _find(fragment, scope.with_account_of(miss_account), settings)
    is_needed = bool(found.problems or found.scan.pinned or found.scan.external_values or found.gates)
    if was_missed and is_needed:
        return _find(fragment, scope, settings)
    return found._replace(scope=found.scope.with_account_of(scope.find_account))


def _find(fragment: Fragment, scope: Scope, settings: Settings) -> FoundImages:
    scan = fragment.find_images(scope, settings.scan_settings)
    scope = scope.claiming(scan.options.stack_name or "")
    misplaced = find_misplaced_markers(fragment.tree, scan.read, scope.with_claims(), scan.marker_count)
    found = FoundImages(scope, scan, (*scan.problems, *misplaced))
    if fragment.is_expanded and found.gates:
        scan.hide_snippets()
    return found


def resolve(
    fragment: Fragment, found: FoundImages, settings: Settings, resolvers: Resolvers, deadline: Deadline
) -> ResolvedImages:
    """Look up the values that images refer to, then all digests: in the lock, what is deployed, or the registries.

    Raises:
        TooManyLookupsError: The template needs more lookups than `settings` allow; each step counts them before its
            first request.
    """
    digests = _LimitedResolver(resolvers.digests, settings)
    if found.scan.external_values and not resolvers.lock:
        digests.check(make_plan(found.scan.pinned).lookups)
    found = _resolve_values(fragment, found, settings, resolvers.values, deadline)
    gates = found.gates
    plan = make_plan(found.scan.pinned, gates=gates)
    if resolvers.lock:
        return ResolvedImages(found, plan, _resolve_locked(plan.lookups, resolvers.lock, digests, deadline))
    if deployed := _read_deployed(fragment, found, settings, resolvers.deployed, deadline):
        plan = make_plan(found.scan.pinned, deployed, gates)
    return ResolvedImages(found, plan, digests.resolve_all(plan.lookups, deadline))


class _LimitedResolver(NamedTuple):
    """Counts images, their repositories and their registries before any of them is looked up. See `DigestResolver`."""

    digests: DigestResolver
    settings: Settings

    def check(self, lookups: Sequence[ImageLookup]) -> None:
        """Raise `TooManyLookupsError` if there are too many lookups."""
        _check_references([lookup.reference for lookup in lookups], self.settings)

    def resolve_all(self, lookups: Sequence[ImageLookup], deadline: Deadline) -> Mapping[ImageLookup, Resolution]:
        """See `DigestResolver.resolve_all`."""
        self.check(lookups)
        return self.digests.resolve_all(lookups, deadline) if lookups else {}


def _check_references(references: Collection[ImageReference], settings: Settings) -> None:
    repositories = {(reference.registry, reference.repository) for reference in references}
    registries = {registry for registry, _ in repositories}
    _check_number(len(references), settings.max_images, "images", "IMAGE_PINNER_MAX_IMAGES")
    _check_number(len(repositories), settings.max_repositories, "repositories", "IMAGE_PINNER_MAX_REPOSITORIES")
    _check_number(len(registries), settings.max_registries, "registries", "IMAGE_PINNER_MAX_REGISTRIES")


def _check_number(number: int, limit: int, noun: str, variable: str) -> None:
    if number > limit:
        raise TooManyLookupsError(number, limit, noun, variable)


def plan_images(
    fragment: Fragment, scope: Scope, settings: Settings, values: ValueResolver, deadline: Deadline
) -> ResolvedImages:
    """Find the images of a template and the lookups that they need, as for a lock; nothing is resolved yet.

    Raises:
        TooManyLookupsError: The template needs more lookups than the configuration allows.
    """
    found = _resolve_values(fragment, find(fragment, scope, settings), settings, values, deadline)
    return ResolvedImages(found, make_plan(found.scan.pinned, gates=found.gates), {})


def _resolve_locked(
    lookups: Sequence[ImageLookup], lock: LockFile, digests: DigestResolver, deadline: Deadline
) -> Mapping[ImageLookup, Resolution]:
    """Take digests from the lock; check in their registries those that it promotes."""
    locked = lock.resolve_all(lookups)
    checks = lock.existence_lookups(locked)
    found = digests.resolve_all(list(dict.fromkeys(checks.values())), deadline)
    return {
        lookup: lock.checked(lookup, resolution, found.get(checks[lookup])) if lookup in checks else resolution
        for lookup, resolution in locked.items()
    }


def _read_deployed(
    fragment: Fragment, found: FoundImages, settings: Settings, deployed: DeployedImageSource, deadline: Deadline
) -> Mapping[TemplatePath, DeployedState]:
    """Look up the deployed images of the sites that keep them, as far as the configuration allows it."""
    lookups = plan_deployed_lookups(found.scan.pinned, fragment.tree, found.scope.with_claims())
    states: dict[TemplatePath, DeployedState] = {}
    for path, lookup in lookups.items():
        if denied := find_denied(lookup, settings.state_scope):
            states[path] = denied
    if allowed := {path: lookup for path, lookup in lookups.items() if path not in states}:
        distinct = list(dict.fromkeys(allowed.values()))
        named = {name for lookup in distinct for name in (*lookup.named_services, lookup.family) if name}
        _check_number(len(distinct), settings.max_images, "deployed images", "IMAGE_PINNER_MAX_IMAGES")
        _check_number(len(named), settings.max_images, "services and families", "IMAGE_PINNER_MAX_IMAGES")
        known = deployed.read_deployed(distinct, deadline)
        states |= {path: known[lookup] for path, lookup in allowed.items()}
    return states


def _resolve_values(
    fragment: Fragment, found: FoundImages, settings: Settings, values: ValueResolver, deadline: Deadline
) -> FoundImages:
    rounds = number = 0
    while wanted := sorted(found.scan.external_values, key=str):
        rounds, number = rounds + 1, number + len(wanted)
        _check_number(number, settings.max_values, "SSM parameters and exports", "IMAGE_PINNER_MAX_VALUES")
        # An image without its value is neither pinned nor a problem, so that no value may be left without a result.
        results = (
            values.resolve_values(wanted, deadline)
            if rounds <= _MAX_ROUNDS
            else {value: _unresolved(value) for value in wanted}
        )
        found = find(fragment, found.scope.with_answers(results), settings)
    return found


def _unresolved(value: ExternalValue) -> Unknown:
    return Unknown(f"{value} was not resolved in {_MAX_ROUNDS} rounds of lookups", "write the value itself")


def judge(resolved: ResolvedImages, settings: Settings, facts: FactSource, deadline: Deadline) -> Decision:
    """Gather the facts that gates need, then decide what happens to each image."""
    return _decide(resolved, settings, _gather_facts(resolved, settings, facts, deadline))


def _gather_facts(
    resolved: ResolvedImages, settings: Settings, facts: FactSource, deadline: Deadline
) -> Mapping[Subject, Facts]:
    """Gather the facts that gates need.

    Raises:
        TooManyLookupsError: The template needs facts about more images than `settings` allow.
    """
    gates, skipped = resolved.found.gates, resolved.found.scan.skipped
    if not (needs := needs_of(gates)):
        return {}
    subjects = subjects_to_judge(resolved.plan, resolved.resolutions, skipped, gates)
    # Digests that the template writes are not looked up, and therefore not counted yet.
    _check_references({subject.image for subject in subjects}, settings)
    return facts.gather(subjects, needs, deadline) if subjects else {}


def _decide(resolved: ResolvedImages, settings: Settings, facts: Mapping[Subject, Facts]) -> Decision:
    gates = resolved.found.gates
    looked_up_at = iso_time(time.time()) if gates else ""
    rules = Rules(gates, settings.unsafe_implicit_latest, settings.exception_process, looked_up_at)
    decision = decide(resolved.plan, resolved.resolutions, rules, facts, resolved.found.scan.skipped)
    return keep_tags(decision) if settings.keep_tags else decision


def _put_keep_tags(
    gates: Sequence[EnabledGate], facts: Mapping[Subject, Facts], writer: KeepTagWriter, deadline: Deadline
) -> Mapping[Subject, Facts]:
    """Put the keep-tags that the gate `lifecycle` requests; return the facts with the failures, nothing without any."""
    if not facts:
        return {}
    # Imported here, as all gates, only if some are on: starting the function would take longer otherwise.
    from image_pinner.core.gates.lifecycle import (  # noqa: PLC0415
        Lifecycle,
        find_missing_keep_tags,
        note_missing_keep_tags,
    )

    gate = next((enabled.gate for enabled in gates if isinstance(enabled.gate, Lifecycle)), Lifecycle())
    missing = find_missing_keep_tags(gate, facts)
    failures = writer.put_keep_tags(missing, deadline) if missing else {}
    return note_missing_keep_tags(facts, failures) if failures else {}


def rewrite(fragment: Fragment, resolved: ResolvedImages, decision: Decision) -> PinResult:
    """Rewrite a copy of the template, unless anything has a problem."""
    found = resolved.found
    report = make_report(found, decision)
    if report.problems:
        return PinResult(fragment.original, (), report)
    pinned = [outcome for outcome in decision.outcomes if isinstance(outcome, Pinned)]
    foreign, problems = _find_foreign_records(fragment, found.scan, pinned)
    if problems:
        return PinResult(fragment.original, (), report._replace(problems=in_order(problems)))
    edits = build_edits(
        fragment.tree,
        [(outcome.site, outcome.text, outcome.recorded) for outcome in pinned],
        [outcome.site for outcome in decision.outcomes if isinstance(outcome, KeptTag)],
        found.scan.skipped,
        foreign,
    )
    report = report._replace(foreign_records=tuple(record.path for record in foreign))
    return PinResult(fragment.answer(apply_edits(fragment.tree, edits)), edits, report)


def _find_foreign_records(
    fragment: Fragment, scan: ImageScan, pinned: Sequence[Pinned]
) -> tuple[list[TemplateNode], list[Problem]]:
    count = scan.marker_count
    if count and not count.records and not count.loops:
        return [], []  # most templates
    images = [DigestImage(each.site.node, each.site.location, each.site.resource_path, each.text) for each in pinned]
    return find_foreign_records(fragment.tree, (*images, *scan.written_digests))


def make_report(found: FoundImages, decision: Decision) -> PinReport:
    """Report what is decided for the images of a template."""
    problems = in_order((*found.problems, *decision.problems))
    skipped = tuple(found.scan.skipped)
    return PinReport(decision.outcomes, skipped, problems, decision.failed, (), decision.gates, decision.not_kept)
