"""Deployed images: which ones to look up to keep them, and what was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from image_pinner.core.advice import Advice
from image_pinner.core.errors import cut
from image_pinner.core.images.references import ImageReference
from image_pinner.core.intrinsics.budget import Budget
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import JsonObject, JsonValue
from image_pinner.core.template.options import Refresh
from image_pinner.core.template.paths import FOR_EACH, TemplatePath
from image_pinner.core.template.sites import PinSite, SiteIdentity

MAX_NAME = 255  # characters of a logical ID in a message, as CloudFormation allows; many images can have the same one
TASK_DEFINITION = "AWS::ECS::TaskDefinition"
SERVICE_TYPES = frozenset({"AWS::ECS::Service"})
"""The resource types that run the task definition in their property `TaskDefinition`."""


class DeployedLookup(NamedTuple):
    """Which deployed image to look up.

    Args:
        identity: Which image of the template it is.
        resource_type: The type of its resource.
        refresh: `Never` is for the image that runs, `OnChange` for the one that the stack deployed.
        record_path: The path of the image in its resource, under which its reference is recorded in the Metadata.
        stack_name: The stack; empty if it is not known.
        services: The logical IDs of the services in the template that run the task definition.
        named_services: The services that the option `Service` sets, as `cluster/service`.
        family: The task definition family that the option `Family` sets, or empty.
        alternative: The logical ID of another task definition that one of the services can run, or empty.
        declared: The logical IDs of all task definitions of the template.
        referring: The logical IDs of all services that refer to a task definition of the template.
        written: The reference as the template sets it now, after evaluation.
    """

    identity: SiteIdentity
    resource_type: str
    refresh: Refresh
    record_path: str
    stack_name: str = ""
    services: tuple[str, ...] = ()
    named_services: tuple[str, ...] = ()
    family: str = ""
    alternative: str = ""
    declared: frozenset[str] = frozenset()
    referring: frozenset[str] = frozenset()
    written: str = ""

    def may_declare(self, name: str) -> bool:
        """Return whether the template has a task definition of this name; one in a loop can have several."""
        return name in self.declared or any(
            name.startswith(start) and name.endswith(end)
            for each in self.declared
            for start, end in (around_variables(each),)
            if (start, end) != (each, each)
        )


class Deployed(NamedTuple):
    """A deployed image.

    Args:
        image: The deployed registry and repository with the digest, without a tag.
        written: The reference that the digest comes from: recorded, or written in what is deployed; empty if neither.
        origin: What deployed it, for reports: `service shop/web`, `function web`.
    """

    image: ImageReference
    written: str
    origin: str


class NotDeployed(NamedTuple):
    """Nothing is deployed yet, so that the tag is resolved; `reason` is a clause."""

    reason: str


class NotKnown(NamedTuple):
    """It is not known what is deployed; the template is not pinned.

    Args:
        cause: Why: a clause.
        help: What to do: an imperative clause.
    """

    cause: str
    help: str


DeployedState = Deployed | NotDeployed | NotKnown


class StatePattern(NamedTuple):
    """Which deployed images templates may keep: `stack:NAME`, `service:CLUSTER/SERVICE` or `family:NAME`.

    `*` in a name matches any characters.
    """

    kind: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> StatePattern:
        """Parse an entry of the setting.

        Raises:
            ValueError: The entry has another form.
        """
        kind, colon, pattern = text.partition(":")
        if not colon or kind not in _KINDS or not pattern.strip():
            raise ValueError("write stack:NAME, service:CLUSTER/SERVICE or family:NAME, with * for any characters")
        return cls(kind, pattern.strip())

    def matches(self, kind: str, name: str) -> bool:
        """Return whether templates may read the state of this stack, service or family."""
        expression = ".*".join(re.escape(part) for part in re.split(r"\*+", self.pattern))
        return self.kind == kind and re.fullmatch(expression, name, re.DOTALL) is not None


_KINDS = ("stack", "service", "family")
ALL_STATE = tuple(StatePattern(kind, "*") for kind in _KINDS)
"""Every deployed image."""


def needs_deployed(site: PinSite) -> bool:
    """Return whether the deployed image of a site is looked up: one with a digest is pinned as written."""
    refresh = site.options.refresh  # first, because most templates do not set it
    return refresh is not None and refresh is not Refresh.ALWAYS and site.reference.digest is None


def why_not_kept(site: PinSite, state: Deployed | NotDeployed) -> str:
    """Return why the deployed image of a site is not kept, as a clause, or an empty text if it is."""
    if isinstance(state, NotDeployed):
        return state.reason
    if site.options.refresh is Refresh.NEVER or state.written == str(site.reference):
        return ""
    return f"{state.origin} was deployed from {state.written or 'an unrecorded reference'}"


def plan_deployed_lookups(
    sites: Iterable[PinSite], template: JsonObject, scope: Scope
) -> dict[TemplatePath, DeployedLookup]:
    """Return the lookups for the sites that need one, by the paths of the sites.

    Raises:
        BudgetExceededError: The services of the template refer to too many task definitions.
    """
    wanted = [site for site in sites if needs_deployed(site)]
    declared = _task_definitions(template) if wanted else frozenset()
    running = services_by_task_definition(template, declared, scope.budget) if declared else {}
    referring = frozenset[str]().union(*running.values())
    return {
        site.path: _lookup(site, running.get(site.identity.resource, {}), scope.stack_name)._replace(
            declared=declared, referring=referring
        )
        for site in wanted
    }


Services = dict[str, AbstractSet[str]]
"""Services that run a task definition, each with all task definitions that it can run."""


def _task_definitions(template: JsonObject) -> frozenset[str]:
    """Return the logical IDs of the task definitions of a template, also of those that conditions exclude."""
    return frozenset(
        name
        for name, resource, _ in _resources(template.get("Resources"))
        if isinstance(resource, dict) and resource.get("Type") == TASK_DEFINITION
    )


def _lookup(site: PinSite, services: Services, stack_name: str) -> DeployedLookup:
    identity, options = site.identity, site.options
    return DeployedLookup(
        identity,
        site.location.resource_type,
        options.refresh or Refresh.ALWAYS,
        str(TemplatePath(site.node.property_steps[len(site.resource_path.steps) :])),
        stack_name,
        tuple(services),
        options.services or (),
        options.family or "",
        min(set[str]().union(*services.values()) - {identity.resource}, default=""),
        written=str(site.reference),
    )


def services_by_task_definition(
    template: JsonObject, deployed: AbstractSet[str], budget: Budget
) -> dict[str, Services]:
    """Return the services of a template by the logical IDs of the `deployed` resources that they refer to.

    Raises:
        BudgetExceededError: The services refer to too many of them.
    """
    found: dict[str, Services] = {}
    for name, resource, variables in _resources(template.get("Resources")):
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if isinstance(kind, str) and kind in SERVICE_TYPES:
            properties = resource.get("Properties")
            target = properties.get("TaskDefinition") if isinstance(properties, dict) else None
            references = set(_referenced(target))
            runs = references & deployed
            for reference in references if variables else ():
                budget.spend_step()
                budget.spend_text(len(deployed))
                start, end = ("", "") if reference in variables else around_variables(reference)
                runs |= {each for each in deployed if each.startswith(start) and each.endswith(end)}
            budget.spend_text(0, len(runs))
            # The iterations of a loop run different task definitions, but it is not known which.
            together = frozenset[str]() if variables else runs
            for task_definition in runs:
                found.setdefault(task_definition, {})[name] = together
    return found


def _resources(section: JsonValue, variables: tuple[str, ...] = ()) -> Iterable[tuple[str, JsonValue, tuple[str, ...]]]:
    """Yield the logical IDs, the resources, and the variables of the loops around them; the IDs contain these."""
    for name, resource in section.items() if isinstance(section, dict) else ():
        if not str(name).startswith(FOR_EACH):
            yield str(name), resource, variables
        elif isinstance(resource, list) and resource:
            yield from _resources(resource[-1], (*variables, str(resource[0])))


def _referenced(expression: JsonValue) -> Iterable[str]:
    """Yield the names that the references inside an expression refer to."""
    todo = [expression]
    while todo:
        match todo.pop():
            case list() as elements:
                todo += elements
            case {"Ref": str(name)}:
                yield name
            case {"Fn::GetAtt": str(text)} | {"Fn::GetAtt": [str(text), *_]}:
                yield text.partition(".")[0]
            case {"Fn::Sub": str(text)}:
                yield from _VARIABLE.findall(text)
            case {"Fn::Sub": [str(text), variables]}:
                yield from _VARIABLE.findall(text)
                todo.append(variables)
            case dict() as mapping:
                todo += mapping.values()


def around_variables(name: str) -> tuple[str, str]:
    """Return what is before and after the loop variables in a name."""
    parts = re.split(r"[$&]\{\w+\}", name)
    return parts[0], parts[-1]


_VARIABLE = re.compile(r"\$\{\s*([A-Za-z0-9]+)\s*[.}]")


def find_denied(lookup: DeployedLookup, allowed: Sequence[StatePattern]) -> NotKnown | None:
    """Return why a template may not look this up or cannot, or `None` if it can.

    A stack, service or family is a claim of the template's author: a macro's event does not contain the stack.
    """
    claims = [("service", name) for name in lookup.named_services]
    if lookup.family:
        claims.append(("family", lookup.family))
    if lookup.stack_name:
        claims.append(("stack", lookup.stack_name))
    if not claims:
        return NotKnown(
            f"Refresh is {lookup.refresh.value}, and the stack is not known",
            Advice.STACK_NAME,
        )
    for kind, name in claims:
        if not any(pattern.matches(kind, name) for pattern in allowed):
            return NotKnown(
                f"the configuration does not allow templates to look up what {kind} {name!r} runs",
                "allow it with IMAGE_PINNER_STATE_SCOPE in the configuration, or set Refresh=Always",
            )
    if not lookup.identity.resource:
        return NotKnown(
            f"Refresh is {lookup.refresh.value}, and a snippet does not contain the resource of its image",
            "set Refresh in the Transform of the template or in the Metadata of the resource",
        )
    # The logical ID of a resource in a loop is only known after the transform that expands it.
    names = () if lookup.named_services or lookup.family else (lookup.identity.resource, *lookup.services)
    if in_loop := [name for name in names if "${" in name or "&{" in name]:
        return NotKnown(
            f"Refresh is {lookup.refresh.value}, and {cut(in_loop[0], MAX_NAME)!r} is in an Fn::ForEach",
            "list AWS::LanguageExtensions before ImagePinner in Transform, or set Refresh=Always",
        )
    return None
