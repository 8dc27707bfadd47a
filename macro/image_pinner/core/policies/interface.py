"""What a policy is: a rule of the operator that judges images from facts gathered before."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from image_pinner.core.images.lookups import Resolved
from image_pinner.core.images.references import ImageReference


class JudgedImage(NamedTuple):
    """What is known of an image when policies judge it.

    Args:
        reference: The reference as it was written.
        resolved: What its tag means, or `None` where it names a digest itself.
    """

    reference: ImageReference
    resolved: Resolved | None


class Allowed(NamedTuple):
    """The policy has nothing against the image.

    Args:
        warning: What a person should know all the same, or empty.
    """

    warning: str = ""


class Denied(NamedTuple):
    """The policy forbids the image.

    Args:
        cause: Why, as a clause.
        help: What to do now.
    """

    cause: str
    help: str


Verdict = Allowed | Denied


class Policy(Protocol):
    """A rule that images must keep."""

    def judge(self, image: JudgedImage) -> Verdict:
        """Judge an image.

        Args:
            image: The image.

        Returns:
            The verdict; what the policy does not know, it denies.
        """
        ...
