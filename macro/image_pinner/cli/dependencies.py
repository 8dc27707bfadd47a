"""What subcommands use instead of AWS and the registries, for tests and experiments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from image_pinner.assembly import ResolverFactory


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The object of click's context. `None` selects the real implementation.

    `resolver_factory` is used by `pin` and `invoke`; `aws`, clients and clocks of the deployment subcommands, by those.
    """

    resolver_factory: ResolverFactory | None = None
    aws: object | None = None
