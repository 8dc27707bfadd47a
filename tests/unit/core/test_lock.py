"""Lock files: what they have for lookups, and the check of digests that are promoted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from image_pinner.core.images.lookups import (
    OCI_INDEX,
    ImageLookup,
    NotFound,
    Origin,
    Resolution,
    Resolved,
    Unavailable,
)
from image_pinner.core.images.references import Digest
from image_pinner.core.lock import LockFile
from image_pinner.core.lock_text import parse_lock
from support.images import digest_of, lookup
from support.locks import DIGEST, HELD, NGINX, entry, lock_data

DEV, PROD = "dev.example.com/team/app:1", "prod.example.com/mirror/team/app:1"
REGISTRIES = {"dev.example.com": "prod.example.com/mirror"}


def lock_of(*entries: dict[str, Any], today: str = "2026-02-01", **sections: Any) -> LockFile:
    return parse_lock(lock_data(*entries, **sections), "images.lock.json", today)


def resolved(lock: LockFile, wanted: ImageLookup) -> Resolution:
    return lock.resolve_all([wanted])[wanted]


@pytest.mark.parametrize(
    ("wanted", "others"),
    [
        (lookup("redis:7"), ""),
        (lookup("nginx:1.28"), ""),
        (lookup(NGINX, "linux/arm64"), f", but one for {NGINX}"),
        (lookup(NGINX, index_allowed=False), f", but one for {NGINX}"),
    ],
)
def test_an_image_without_an_entry_is_unavailable_so_that_keep_tag_does_not_apply(
    wanted: ImageLookup, others: str
) -> None:
    assert resolved(lock_of(entry()), wanted) == Unavailable(
        f"images.lock.json has no entry for {wanted}{others}",
        "add the image to the lock file with image-pinner lock",
    )


@pytest.mark.parametrize(
    "image", ["prod.example.com/team/app:1", "prod.example.com/mirrored/team/app:1", "prod.example.com/mirror/app:1"]
)
def test_a_mapping_replaces_whole_components_only(image: str) -> None:
    assert isinstance(resolved(lock_of(entry(DEV), map=REGISTRIES), lookup(image)), Unavailable)


def test_an_image_that_two_registries_promote_with_different_digests_is_unavailable() -> None:
    registries = {"dev.example.com": "prod.example.com", "test.example.com": "prod.example.com"}
    other = f"sha256:{'9' * 64}"
    tested = entry("test.example.com/app:1", digest=other)
    state = resolved(lock_of(entry("dev.example.com/app:1"), tested, map=registries), lookup("prod.example.com/app:1"))
    assert state == Unavailable(
        "images.lock.json has several entries that are promoted to prod.example.com/app:1: "
        f"dev.example.com/app:1 ({DIGEST}) and test.example.com/app:1 ({other})",
        "write a mapping for only one of their registries",
    )


def test_the_digest_comes_from_the_lock_file_and_the_report_shows_which_one() -> None:
    found = resolved(lock_of(entry(platform="linux/arm64")), lookup(NGINX, "linux/arm64"))

    assert isinstance(found, Resolved)
    assert (found.digest, found.media_type, found.warnings) == (Digest(DIGEST), OCI_INDEX, ())
    assert found.origin == Origin("lock", "images.lock.json")


@pytest.mark.parametrize(("today", "warns"), [("2026-03-31", False), ("2026-04-01", True)])
def test_a_hold_expires_after_its_last_day(today: str, warns: bool) -> None:  # noqa: FBT001 - the expectation
    found = resolved(lock_of(entry(**HELD), today=today), lookup(NGINX))

    assert isinstance(found, Resolved)
    expired = f"the hold of {NGINX} expired on 2026-03-31 (1.28 loses sessions) in images.lock.json"
    assert found.warnings == ((expired,) if warns else ())


class TestPromotion:
    LOCK = lock_of(entry(DEV), map=REGISTRIES)

    def checked(self, existence: Resolution | None) -> Resolution:
        return self.LOCK.checked(lookup(PROD), resolved(self.LOCK, lookup(PROD)), existence)

    def test_a_missing_digest_is_refused_with_the_command_that_copies_it(self) -> None:
        assert self.checked(NotFound("it does not exist", "push it")) == Unavailable(
            f"prod.example.com/mirror/team/app does not have {DIGEST}, which images.lock.json promotes",
            f"copy it: skopeo copy --all docker://dev.example.com/team/app@{DIGEST} docker://{PROD}",
        )

    def test_the_command_copies_the_whole_index_of_a_single_platform(self) -> None:
        of_lambda = lookup(PROD, "linux/amd64", index_allowed=False)
        index = str(digest_of("c"))
        lock = lock_of(entry(DEV, platform="linux/amd64", single_platform=True, index=index), map=REGISTRIES)
        found = lock.checked(of_lambda, resolved(lock, of_lambda), NotFound("it does not exist", "push it"))
        assert isinstance(found, Unavailable)
        assert found.help == f"copy it: skopeo copy --all docker://dev.example.com/team/app@{index} docker://{PROD}"

    def test_a_failed_check_fails_and_a_missing_result_too(self) -> None:
        down = Unavailable("the registry did not respond", "retry")
        assert self.checked(down) == down
        assert isinstance(self.checked(None), Unavailable)

    def test_an_existing_digest_is_used(self) -> None:
        locked = resolved(self.LOCK, lookup(PROD))
        assert self.checked(Resolved(Digest(DIGEST), OCI_INDEX, Origin("ecr", "x"))) == locked
        assert isinstance(locked, Resolved)

    def test_only_promoted_digests_are_checked_and_only_by_digest(self) -> None:
        lookups = [lookup(PROD), lookup(DEV), lookup("redis:7")]
        locked = self.LOCK.resolve_all(lookups)

        ((promoted, existence),) = self.LOCK.existence_lookups(locked).items()

        assert str(promoted) == PROD
        assert str(existence) == f"prod.example.com/mirror/team/app@{DIGEST}"
        assert replace(self.LOCK, verify=False).existence_lookups(locked) == {}
