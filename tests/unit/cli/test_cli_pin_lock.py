"""`image-pinner pin --lock`: digests from a lock file, and their promotion to other registries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner.cli.console import Dependencies
from image_pinner.pinning import Resolvers
from image_pinner.settings import Settings
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import Run, image_pinner, run_main
from support.images import digest_of, oci_image
from support.locks import DIGEST, HELD, entry, lock_data
from unit.cli.cli_templates import MARKED, saved

DEV, PROD = "111122223333.dkr.ecr.eu-central-1.amazonaws.com", "444455556666.dkr.ecr.eu-central-1.amazonaws.com"
WEB = "docker.io/shop/web:1.0"
PROD_TEMPLATE = MARKED.replace("shop/web", f"{PROD}/shop/web")


def pin(
    folder: Path, lock: bytes, *options: str, template: str = MARKED, images: InMemoryRegistry | None = None
) -> Run:
    path = folder / "images.lock.json"
    path.write_bytes(lock)
    arguments = ("pin", str(saved(folder, template)), "--lock", str(path), *options)
    return image_pinner(*arguments, resolvers=images or InMemoryRegistry())


@pytest.mark.parametrize("option", [("--map", "a.example.com=b.example.com"), ("--no-verify",)])
def test_options_of_lock_files_need_one(option: tuple[str, ...], tmp_path: Path) -> None:
    run = image_pinner("pin", str(saved(tmp_path)), *option)
    assert (run.code, run.out) == (2, b"")
    assert run.err == f"error: {option[0]} requires --lock\nhelp: pass --lock FILE, or omit {option[0]}\n"


@pytest.mark.parametrize("mapping", ["dev", "dev=prod", "=", "a.example.com=https://b.example.com"])
def test_a_wrong_mapping_is_refused(mapping: str, tmp_path: Path) -> None:
    run = pin(tmp_path, lock_data(entry(WEB)), "--map", mapping)
    assert (run.code, run.out) == (2, b"")
    assert "--map" in run.err


def test_a_missing_or_wrong_file_is_refused_without_its_content(tmp_path: Path) -> None:
    missing = image_pinner("pin", str(saved(tmp_path)), "--lock", str(tmp_path / "none.json"))
    assert (missing.code, missing.out) == (2, b"")
    wrong = pin(tmp_path, b"hunter2")
    assert (wrong.code, wrong.out) == (2, b"")
    assert "hunter2" not in wrong.err


def test_the_report_must_not_overwrite_the_lock_file(tmp_path: Path) -> None:
    run = pin(tmp_path, lock_data(entry(WEB)), "--report", str(tmp_path / "images.lock.json"))
    assert run.code == 2
    assert "--report would overwrite" in run.err


@pytest.mark.parametrize("option", ["--output", "--write-parameters"])
def test_the_output_must_not_overwrite_the_lock_file(option: str, tmp_path: Path) -> None:
    data = lock_data(entry(WEB))
    run = pin(tmp_path, data, option, str(tmp_path / "images.lock.json"))
    assert (run.code, (tmp_path / "images.lock.json").read_bytes()) == (2, data)
    assert "the output would overwrite the lock file" in run.err


def test_an_image_without_an_entry_fails_by_name(tmp_path: Path) -> None:
    run = pin(tmp_path, lock_data(entry("docker.io/shop/db:1.0")), images=InMemoryRegistry(has_every_image=True))
    assert (run.code, run.out) == (3, b"")
    assert f"images.lock.json has no entry for {WEB}\nhelp: add the image to the lock file" in run.err


def test_keep_tag_does_not_keep_the_tag_of_an_image_that_is_not_locked(tmp_path: Path) -> None:
    template = MARKED.replace("!PinDigest ", "!PinDigest WhenMissing=KeepTag ")
    assert pin(tmp_path, lock_data(), template=template).code == 3


def test_digests_come_from_the_lock_file_without_a_request(tmp_path: Path) -> None:
    images, report = InMemoryRegistry(), tmp_path / "report.json"

    run = pin(tmp_path, lock_data(entry(WEB)), "--report", str(report), images=images)

    assert run.code == 0, run.err
    assert f"shop/web@{DIGEST}" in run.text
    assert images.image_lookups == []
    (image,) = json.loads(report.read_text())["images"]
    assert (image["decision"], image["request"]) == ("locked", str(tmp_path / "images.lock.json"))


def test_no_resolvers_are_made_for_a_lock_file(tmp_path: Path) -> None:
    def factory(settings: Settings, region: str) -> Resolvers:
        raise AssertionError((settings, region))

    (tmp_path / "lock.json").write_bytes(lock_data(entry(WEB)))
    arguments = ["pin", str(saved(tmp_path)), "--lock", str(tmp_path / "lock.json")]
    assert run_main(arguments, Dependencies(factory)).code == 0


def test_the_file_takes_precedence_over_the_option_lock(tmp_path: Path) -> None:
    template = MARKED.replace(
        "Transform: ImagePinner", "Transform: {Name: ImagePinner, Parameters: {Lock: 'ssm:/images'}}"
    )
    assert pin(tmp_path, lock_data(entry(WEB)), template=template).code == 0


def test_an_expired_hold_and_an_option_without_effect_are_warnings(tmp_path: Path) -> None:
    held = entry(WEB, **HELD | {"until": "2026-01-31"})
    run = pin(tmp_path, lock_data(held), template=MARKED.replace("!PinDigest ", "!PinDigest Refresh=Never "))
    assert run.code == 0
    assert f"the hold of {WEB} expired on 2026-01-31 (1.28 loses sessions)" in run.err
    assert "Refresh=Never has no effect with Lock" in run.err


class TestPromotion:
    LOCK = lock_data(entry(f"{DEV}/shop/web:1.0"))

    def test_a_digest_that_is_missing_in_the_target_fails_with_the_command_that_copies_it(self, tmp_path: Path) -> None:
        run = pin(tmp_path, self.LOCK, "--map", f"{DEV}={PROD}", template=PROD_TEMPLATE)
        assert (run.code, run.out) == (3, b"")
        assert f"{PROD}/shop/web does not have {DIGEST}" in run.err
        copy = f"skopeo copy --all docker://{DEV}/shop/web@{DIGEST} docker://{PROD}/shop/web:1.0"
        assert f"\nhelp: copy it: {copy}\n" in run.err

    def test_a_target_that_is_not_available_fails_without_the_command(self, tmp_path: Path) -> None:
        images = InMemoryRegistry()
        images.break_registry(PROD, "the registry is down")
        run = pin(tmp_path, self.LOCK, "--map", f"{DEV}={PROD}", template=PROD_TEMPLATE, images=images)
        assert run.code == 3
        assert "the registry is down" in run.err
        assert "skopeo" not in run.err

    def test_without_verification_no_request_is_made(self, tmp_path: Path) -> None:
        images = InMemoryRegistry()
        options = ("--map", f"{DEV}={PROD}", "--no-verify")
        run = pin(tmp_path, self.LOCK, *options, template=PROD_TEMPLATE, images=images)
        assert f"{PROD}/shop/web@{DIGEST}" in run.text
        assert images.image_lookups == []

    def test_the_option_takes_precedence_over_the_mapping_of_the_file(self, tmp_path: Path) -> None:
        lock = lock_data(entry(f"{DEV}/shop/web:1.0"), map={DEV: "other.example.com"})
        options = ("--map", f"{DEV}={PROD}", "--no-verify")
        assert pin(tmp_path, lock, *options, template=PROD_TEMPLATE).code == 0

    def test_each_digest_is_checked_once(self, tmp_path: Path) -> None:
        images = InMemoryRegistry()
        images.push_digest(f"{PROD}/shop/web:1.0", DIGEST)
        twice = PROD_TEMPLATE + PROD_TEMPLATE.partition("Resources:\n")[2].replace("Web:", "Other:")
        run = pin(tmp_path, self.LOCK, "--map", f"{DEV}={PROD}", template=twice, images=images)
        assert run.text.count(f"{PROD}/shop/web@{DIGEST}") == 2
        assert [str(lookup) for lookup in images.image_lookups] == [f"{PROD}/shop/web@{DIGEST}"]


def test_the_digest_tested_in_dev_is_the_one_that_reaches_prod(tmp_path: Path) -> None:
    """The tag moves in dev after the lock file was written, and points to another image in prod."""
    images = InMemoryRegistry()
    tested = images.push(f"{DEV}/shop/web:1.0", oci_image(b"tested"))
    lock = tmp_path / "images.lock.json"
    dev = saved(tmp_path, MARKED.replace("shop/web", f"{DEV}/shop/web"), "dev.yaml")
    prod = saved(tmp_path, PROD_TEMPLATE, "prod.yaml")
    assert image_pinner("lock", str(dev), "-o", str(lock), resolvers=images).code == 0
    images.push(f"{DEV}/shop/web:1.0", oci_image(b"not tested"))
    images.push(f"{PROD}/shop/web:1.0", oci_image(b"old"))
    promote = ("pin", str(prod), "--lock", str(lock), "--map", f"{DEV}={PROD}")

    refused = image_pinner(*promote, resolvers=images)
    images.push(f"{PROD}/shop/web@{digest_of('0')}", oci_image(b"tested"))
    run = image_pinner(*promote, resolvers=images)

    assert (refused.code, refused.out) == (3, b"")
    assert f"{PROD}/shop/web@{tested}" in run.text
    assert f"{DEV}/shop/web@{tested}" in image_pinner("pin", str(dev), "--lock", str(lock), resolvers=images).text
