"""Gather facts from an ECR without a network, whose pauses take no time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3

from image_pinner.core.gates.interface import Fact, Need, Subject, UnknownFact
from image_pinner.core.images.references import Digest
from image_pinner.sources.aws.clients import AwsClients
from image_pinner.sources.ecr.facts.calls import FactReader
from image_pinner.sources.ecr.facts.source import FACTS, EcrFacts
from image_pinner.sources.interface import Deadline
from support.ecr_api import NOW, EcrApi, subject


@dataclass
class SimulatedTime:
    """A clock that only pauses move."""

    seconds: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def facts_of(
    api: EcrApi,
    need: Need,
    *subjects: Subject,
    time: SimulatedTime | None = None,
    limit: float = 60,
    readers: Mapping[str, FactReader] = FACTS,
) -> list[Fact | UnknownFact]:
    """Return a fact about each image."""
    time = time or SimulatedTime()
    clients = AwsClients(lambda: api, role_session_factory=lambda _: api)
    source = EcrFacts(clients, clock=NOW.timestamp, sleep=time.sleep, readers=readers)
    found = source.gather(subjects, frozenset({need}), Deadline.after(limit, time.now))
    return [found[each][need.fact] for each in subjects]


def child(parent: Digest, number: int = 1, repository: str = "team/app") -> Subject:
    """Return a manifest of an index."""
    return subject(number, repository)._replace(parent=parent)


def values_of(shape: str) -> frozenset[str]:
    """Return the values of an enumeration in botocore's model of ECR."""
    session = boto3.Session(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
    model: Any = session.client("ecr", region_name="us-east-1").meta.service_model
    return frozenset(model.shape_for(shape).enum)
