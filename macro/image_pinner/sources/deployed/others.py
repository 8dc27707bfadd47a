"""Which images other services than ECS have deployed, as `deployed_types.toml` describes their APIs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from importlib import resources
from itertools import zip_longest
from operator import itemgetter
from typing import Any, NamedTuple

from image_pinner.core.deployed import DeployedLookup, NotDeployed, NotKnown
from image_pinner.core.template.options import Refresh
from image_pinner.sources.deployed.calls import AwsCalls, NotKnownError, Operation
from image_pinner.sources.deployed.found import ServiceState, found_image, parse_deployed

_PROPERTIES = "Properties."
_NAME = re.compile(r"[\w-]*", re.ASCII)  # names of containers; they become a part of an expression


class ReportedImage(NamedTuple):
    """Where a service reports an image; the fields are explained in `deployed_types.toml`."""

    path: str
    image: str
    digest: str = ""
    name: str = ""
    keyed: bool = False


class DeployedType(NamedTuple):
    """A resource type whose service reports images; the fields are explained in `deployed_types.toml`."""

    operation: Operation
    images: tuple[ReportedImage, ...]
    id: str = ""
    ids: str = ""
    limit: int = 1
    id_after: str = ""
    item: str = "@"
    item_id: str = ""
    active: str = ""
    newest: str = ""

    def for_refresh(self, refresh: Refresh) -> DeployedType:
        """Return this row for the revision that runs, or that the stack deployed."""
        is_newest = self.newest and refresh is Refresh.NEVER
        return self._replace(id=self.newest, ids="", limit=1) if is_newest else self

    @property
    def by_name(self) -> bool:
        """Whether the newest active revision of a name is described."""
        return bool(self.newest) and self.id == self.newest

    def id_of(self, physical_id: str) -> str:
        """Return what identifies a resource in a request."""
        if self.by_name:
            return physical_id.rpartition("/")[2].rpartition(":")[0]
        return physical_id.rpartition(self.id_after)[2] if self.id_after else physical_id


@cache
def deployed_types() -> Mapping[str, DeployedType]:
    """Return the rows of the data file by resource type."""
    import tomllib  # noqa: PLC0415 - not needed to start the function

    text = resources.files(__package__).joinpath("deployed_types.toml").read_text("utf-8")
    found: dict[str, DeployedType] = {}
    for row in tomllib.loads(text)["type"]:
        types, images = row.pop("types"), row.pop("images")
        absent = row.pop("absent", "^ResourceNotFoundException:")
        operation = Operation(row.pop("action"), row.pop("service"), row.pop("client", ""), absent)
        deployed_type = DeployedType(operation, tuple(ReportedImage(**image) for image in images), **row)
        found |= dict.fromkeys(types, deployed_type)
    return found


def read_others(calls: AwsCalls, physical_ids: Mapping[DeployedLookup, str]) -> dict[DeployedLookup, ServiceState]:
    """Read the images of resources; each is described once."""
    types = {lookup: deployed_types()[lookup.resource_type].for_refresh(lookup.refresh) for lookup in physical_ids}
    groups: dict[DeployedType, list[str]] = {}
    for lookup, physical_id in physical_ids.items():
        groups.setdefault(types[lookup], []).append(types[lookup].id_of(physical_id))
    jobs = {
        (deployed_type, group): partial(_describe, calls, deployed_type, group)
        for deployed_type, ids in groups.items()
        for group in _split(dict.fromkeys(ids), deployed_type.limit)
    }
    described: dict[tuple[DeployedType, str], Mapping[str, Any] | NotDeployed | NotKnown] = {}
    for (deployed_type, group), items in calls.run(jobs).items():
        for resource_id in group:
            state = items if isinstance(items, NotKnown) else items[resource_id]
            described[deployed_type, resource_id] = state
    return {
        lookup: _state(lookup, types[lookup], described[types[lookup], types[lookup].id_of(physical_id)])
        for lookup, physical_id in physical_ids.items()
    }


def _split(ids: Collection[str], limit: int) -> Iterable[tuple[str, ...]]:
    every = tuple(ids)
    return (every[start : start + limit] for start in range(0, len(every), limit))


def _describe(
    calls: AwsCalls, deployed_type: DeployedType, group: Sequence[str]
) -> dict[str, Mapping[str, Any] | NotDeployed | NotKnown]:
    """Describe resources and return those that are deployed."""
    if deployed_type.by_name:
        name = group[0]
        return {name: _deployed(deployed_type, name, _newest(calls, deployed_type, name))}
    parameters = {deployed_type.ids: list(group)} if deployed_type.ids else {deployed_type.id: group[0]}
    response = calls.call(deployed_type.operation, **parameters)
    found = _search(deployed_type.item, response) if response is not None else None
    items = {item[deployed_type.item_id]: item for item in found or ()} if deployed_type.ids else {group[0]: found}
    return {resource_id: _deployed(deployed_type, resource_id, items.get(resource_id)) for resource_id in group}


def _newest(calls: AwsCalls, deployed_type: DeployedType, name: str) -> Mapping[str, Any] | None:
    """Return the newest active revision of a name."""
    pages = calls.pages(deployed_type.operation, "nextToken", **{deployed_type.newest: name, "status": "ACTIVE"})
    found = [item for page in pages for item in _search(deployed_type.item, page) or ()]
    return max(found, key=itemgetter("revision"), default=None)


def _deployed(
    deployed_type: DeployedType, resource_id: str, item: Mapping[str, Any] | None
) -> Mapping[str, Any] | NotDeployed | NotKnown:
    is_active = bool(item) and (not deployed_type.active or bool(_search(deployed_type.active, item)))
    if deployed_type.newest and not is_active:
        service = deployed_type.operation.service
        return NotKnown(
            f"{resource_id} has no active revision in {service}"
            if deployed_type.by_name
            else f"{resource_id} is no longer active in {service}, where another revision can be",
            "set Refresh=Always for one deployment, which registers a revision",
        )
    if not item:
        return NotDeployed(f"{resource_id} does not exist in {deployed_type.operation.service}")
    if not is_active:
        return NotDeployed(f"{resource_id} is not active in {deployed_type.operation.service}")
    return item


def _state(
    lookup: DeployedLookup, deployed_type: DeployedType, item: Mapping[str, Any] | NotDeployed | NotKnown
) -> ServiceState:
    if isinstance(item, NotDeployed | NotKnown):
        return item
    service = deployed_type.operation.service
    reported = next((found for image in deployed_type.images if (found := _located(image, lookup))), None)
    if reported is None:
        return NotKnown(
            f"{service} does not report the image at {lookup.record_path}", "set Refresh=Always for this image"
        )
    origin = f"{service} resource {lookup.identity.resource}"
    images = _texts(_search(reported.image, item))
    if not images:
        return NotDeployed(f"{origin} has no image at {lookup.record_path}")
    if len(images) > 1:
        return NotKnown(f"{origin} runs {' and '.join(sorted(images))}", "wait until its deployment is complete")
    image = images.pop()
    try:
        reference = parse_deployed(image, origin)
        resolved = _texts(_search(reported.digest, item)) if reported.digest else set()
        digests = {str(reference.digest)} if reference.digest else {text.rpartition("@")[2] for text in resolved}
        if len(digests) != 1:
            return NotKnown(
                f"{service} does not report the digest of {image!r}",
                "set Refresh=Always for one deployment, which pins it",
            )
        return found_image(reference, digests.pop(), origin)
    except NotKnownError as error:
        return error.state


def _located(image: ReportedImage, lookup: DeployedLookup) -> ReportedImage | None:
    """Return where the image of a lookup is reported, or `None` if it is another property."""
    pattern = re.escape(image.path).replace(r"\[\*\]", r"\[(\d+)\]").replace(r"\*", r"([\w:-]+)")
    match = re.fullmatch(pattern, lookup.record_path.removeprefix(_PROPERTIES))
    if match is None:
        return None
    steps = [f"[{step}]" if step.isdecimal() else f'."{step}"' for step in match.groups()]
    name = lookup.identity.container
    if (image.keyed and not name) or not _NAME.fullmatch(name):
        return None
    if image.keyed:
        steps[-1] = f'."{name}"'
    elif image.name and name:
        steps[-1] = f"[?{image.name}=='{name}']"
    return image._replace(image=_with_steps(image.image, steps), digest=_with_steps(image.digest, steps))


def _with_steps(expression: str, steps: Sequence[str]) -> str:
    if not expression:
        return ""
    parts = re.split(r"\[\*\]|\.\*", expression)
    return "".join(part + step for part, step in zip_longest(parts, steps, fillvalue=""))


def _search(expression: str, value: Any) -> Any:
    import jmespath  # noqa: PLC0415 - comes with boto3, and is loaded with the first client

    return jmespath.search(expression, value)


def _texts(value: Any) -> set[str]:
    """Return the texts that an expression found; one with a filter returns a list."""
    values = value if isinstance(value, list) else [value]
    return {text for text in values if isinstance(text, str) and text}
