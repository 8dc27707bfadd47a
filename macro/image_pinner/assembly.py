"""Assembly: the only place that chooses implementations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from image_pinner.core.images.ecr_hosts import looks_like_ecr, parse_ecr_host
from image_pinner.core.images.resolutions import ImageQuestion, Resolution, Unavailable
from image_pinner.core.template.values import Answer, Lookup, SsmParameter, StackExport
from image_pinner.pinning import World
from image_pinner.settings import Settings
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.resolver import EcrResolver
from image_pinner.sources.interface import Deadline, DigestResolver, LookupResolver
from image_pinner.sources.parallel import run_all
from image_pinner.sources.ssm_parameters import SsmLookups
from image_pinner.sources.stack_exports import ExportLookups

WorldMaker = Callable[[Settings, str], World]
"""Gives whom to ask, for settings and a region."""


class ByRegistry(NamedTuple):
    """Asks ECR about its repositories and the registries themselves about all others, both at once.

    Args:
        ecr: Who knows ECR's digests.
        registries: Gives who knows the digests of other registries; called when the first of them is asked for.
    """

    ecr: DigestResolver
    registries: Callable[[], DigestResolver]

    def resolve_all(self, questions: Sequence[ImageQuestion], deadline: Deadline) -> Mapping[ImageQuestion, Resolution]:
        """Answer questions. See `DigestResolver.resolve_all`."""
        in_ecr = [question for question in questions if _is_ecr(question.reference.registry)]
        elsewhere = [question for question in questions if not _is_ecr(question.reference.registry)]
        if not elsewhere:
            return self.ecr.resolve_all(in_ecr, deadline)
        registries = self.registries()
        if not in_ecr:
            return registries.resolve_all(elsewhere, deadline)
        jobs = (
            lambda: self.ecr.resolve_all(in_ecr, deadline),
            lambda: registries.resolve_all(elsewhere, deadline),
        )
        # Both keep the deadline themselves: this one only has to be later than theirs.
        patient = Deadline.after(deadline.remaining() + _GRACE)
        late = Unavailable("its registry did not answer in time", "Deploy again")
        answers: dict[ImageQuestion, Resolution] = dict.fromkeys(questions, late)
        for found in run_all(jobs, workers=len(jobs), deadline=patient):
            answers.update(found or {})
        return answers


_GRACE = 1.0  # seconds


def _is_ecr(registry: str) -> bool:
    return parse_ecr_host(registry) is not None or looks_like_ecr(registry) is not None


class ByLookup(NamedTuple):
    """Asks SSM about parameters and CloudFormation about exports.

    Args:
        parameters: Who knows SSM parameters.
        exports: Who knows exports.
    """

    parameters: LookupResolver
    exports: LookupResolver

    def look_up(self, lookups: Collection[Lookup], deadline: Deadline) -> Mapping[Lookup, Answer]:
        """Answer look-ups. See `LookupResolver.look_up`."""
        answers: dict[Lookup, Answer] = {}
        for kind, resolver in ((SsmParameter, self.parameters), (StackExport, self.exports)):
            if asked := [lookup for lookup in lookups if isinstance(lookup, kind)]:
                answers.update(resolver.look_up(asked, deadline))
        return answers


class AwsWorlds:
    """Gives the real world, with clients that live as long as this does.

    Args:
        registries: Gives who knows the digests of registries other than ECR.
        clients: The clients of AWS services; new ones by default.
    """

    def __init__(self, registries: Callable[[Settings], DigestResolver], clients: AwsClients | None = None) -> None:
        self.registries = registries
        self.clients = clients or AwsClients()

    def __call__(self, settings: Settings, region: str) -> World:
        """Give whom to ask for settings and a region."""
        return World(
            ByRegistry(
                EcrResolver(self.clients, workers=settings.workers),
                lambda: self.registries(settings),
            ),
            ByLookup(SsmLookups(self.clients, region), ExportLookups(self.clients, region)),
        )


def anonymous_registries(settings: Settings) -> DigestResolver:
    """Give the resolver for registries other than ECR that has no credentials."""
    # Loaded here: a template with images in ECR alone must not wait for it.
    from image_pinner.sources.credentials.interface import AnonymousCredentials  # noqa: PLC0415
    from image_pinner.sources.http.transport import Transport  # noqa: PLC0415
    from image_pinner.sources.oci.resolver import OciRegistryResolver  # noqa: PLC0415

    return OciRegistryResolver(Transport(), AnonymousCredentials(), workers=settings.workers)


def registries_with_docker_config(
    environment: Mapping[str, str], insecure_hosts: Collection[str] = ()
) -> Callable[[Settings], DigestResolver]:
    """Give what makes the resolver for registries other than ECR that logs in as docker would.

    Args:
        environment: The environment variables, of which `DOCKER_CONFIG` says where the config file is.
        insecure_hosts: The hosts, with their ports, that are asked by plain http.

    Returns:
        A function of the settings.
    """

    def registries(settings: Settings) -> DigestResolver:
        from image_pinner.sources.credentials.docker_config import DockerConfigCredentials, docker_config_path  # noqa: PLC0415
        from image_pinner.sources.http.transport import Transport  # noqa: PLC0415
        from image_pinner.sources.oci.resolver import OciRegistryResolver  # noqa: PLC0415

        credentials = DockerConfigCredentials(docker_config_path(environment, Path.home()))
        return OciRegistryResolver(Transport(), credentials, insecure_hosts=insecure_hosts, workers=settings.workers)

    return registries
