"""Secrets as the tests give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from image_pinner.core.errors import SourceError
from image_pinner.core.registry_config import SecretLocation
from image_pinner.sources.interface import Deadline


@dataclass
class FakeSecrets:
    """Knows secrets by name, refuses all others, and remembers what was asked for."""

    known: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, place: SecretLocation, deadline: Deadline) -> str:
        assert deadline.remaining() > 0
        self.asked.append(place.name)
        if place.name not in self.known:
            raise SourceError(f"secretsmanager:GetSecretValue is denied on {place.name}", "Allow it")
        return self.known[place.name]
