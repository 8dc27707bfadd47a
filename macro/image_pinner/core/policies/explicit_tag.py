"""The policy that an image names its tag: `nginx` alone means `nginx:latest`, which nobody has decided on."""

from __future__ import annotations

from typing import NamedTuple

from image_pinner.core.policies.interface import Allowed, Denied, JudgedImage, Verdict


class ExplicitTag(NamedTuple):
    """Denies references without tag and digest.

    Args:
        unsafe_implicit_latest: Let them pass as `latest`, with a warning each.
    """

    unsafe_implicit_latest: bool = False

    def judge(self, image: JudgedImage) -> Verdict:
        """Judge an image. See `Policy.judge`."""
        reference = image.reference
        if reference.tag or reference.digest:
            return Allowed()
        if self.unsafe_implicit_latest:
            return Allowed("it names no tag and was taken as latest (unsafe-implicit-latest)")
        return Denied(
            f"{str(reference)!r} names neither tag nor digest",
            f"Write {reference}:latest if that is what you mean",
        )
