"""`image-pinner lock`: which entries are kept, added, updated and removed, and when nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_pinner.core.images.references import Digest
from image_pinner.core.intrinsics.values import SsmParameter
from image_pinner.core.lock_text import parse_lock, render_lock
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import Run, image_pinner
from support.images import oci_image
from support.locks import HELD
from unit.cli.cli_templates import MARKED, REFUSED, saved, state

WEB = "docker.io/shop/web:1.0"
DB = "docker.io/shop/db:1.0"
TWO = MARKED + '        - {Name: db, Image: "!PinDigest shop/db:1.0"}\n'


def registry(**images: str) -> InMemoryRegistry:
    """Return a registry with images by the names of their repositories; the value is the content."""
    found = InMemoryRegistry()
    for name, content in images.items():
        found.push(f"shop/{name}:1.0", oci_image(content.encode()))
    return found


def digest_of_content(content: str) -> str:
    return str(Digest.of(oci_image(content.encode())))


class LockFolder:
    """A folder with a template and a lock file."""

    def __init__(self, folder: Path, template: str = MARKED) -> None:
        self.path = folder / "images.lock.json"
        self.template = saved(folder, template)

    def run(self, images: InMemoryRegistry, *options: str, **more: Any) -> Run:
        return image_pinner("lock", str(self.template), "-o", str(self.path), *options, resolvers=images, **more)

    def entries(self) -> dict[str, dict[str, Any]]:
        return {entry["image"]: entry for entry in json.loads(self.path.read_text())["images"]}

    def digests(self) -> dict[str, str]:
        return {name: entry["digest"] for name, entry in self.entries().items()}

    def change(self, image: str, **fields: Any) -> None:
        """Change an entry by hand."""
        content = json.loads(self.path.read_text())
        for entry in content["images"]:
            if entry["image"] == image:
                entry.update(fields)
        self.path.write_text(render_lock(parse_lock(json.dumps(content).encode(), "", "")))


@pytest.fixture
def folder(tmp_path: Path) -> LockFolder:
    """Return a folder whose lock file has an old digest, of an old day."""
    found = LockFolder(tmp_path)
    assert found.run(registry(web="old")).code == 0
    found.change(WEB, resolved_at="2026-01-01T00:00:00Z")
    return found


def test_an_image_that_does_not_exist_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    folder = LockFolder(tmp_path, TWO)

    run = folder.run(registry(web="1"))

    assert (run.code, run.out) == (3, b"")
    assert "repository 'docker.io/shop/db' does not exist" in run.err
    assert run.err.endswith("Found 1 problem. No lock file was written.\n")
    assert not folder.path.exists()


def test_a_failed_update_leaves_the_lock_file_as_it_is(folder: LockFolder) -> None:
    before = state(folder.path)
    run = folder.run(registry(), "--update")
    assert run.code == 3
    assert state(folder.path) == before


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_an_image_that_is_not_valid_is_a_finding_of_the_template(options: tuple[str, ...], tmp_path: Path) -> None:
    folder = LockFolder(tmp_path, REFUSED)
    run = folder.run(registry(), *options)
    assert (run.code, folder.path.exists()) == (1, False)
    assert "No lock file was written" in run.err


def test_a_file_that_is_not_a_lock_file_is_not_overwritten(folder: LockFolder) -> None:
    folder.path.write_text('{"password": "hunter2"}')
    run = folder.run(registry(web="1"))
    assert run.code == 2
    assert "is not a lock file" in run.err
    assert "hunter2" in folder.path.read_text()
    assert "hunter2" not in run.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--check", "--update"), "--check cannot be used with --update"),
        (("--update", "redis:7"), "no template uses the image docker.io/library/redis:7"),
        (("--update", "Shop/Web"), "is not a valid image reference"),
        (("--parameter", "Tga=1"), "declares no parameter 'Tga' (did you mean 'Tag'?)"),
    ],
)
def test_wrong_options_are_refused(options: tuple[str, ...], message: str, folder: LockFolder) -> None:
    before = state(folder.path)
    run = folder.run(registry(web="new"), *options)
    assert run.code == 2
    assert message in run.err
    assert state(folder.path) == before


def test_a_parameter_that_no_template_declares_is_rejected(folder: LockFolder, tmp_path: Path) -> None:
    other = saved(tmp_path, REFUSED, "other.yaml")
    run = folder.run(registry(web="new"), "--parameter", "Tga=1", str(other))
    assert run.code == 2
    assert "no template declares a parameter 'Tga' (did you mean 'Tag'?)\n" in run.err


def test_a_template_after_update_is_not_taken_for_an_image(folder: LockFolder) -> None:
    run = image_pinner("lock", str(folder.template), "--update", str(folder.template))
    assert run.code == 2
    assert run.err.endswith("help: write --update after the templates\n")


class TestEntries:
    def test_entries_have_digest_media_type_time_and_source(self, tmp_path: Path) -> None:
        folder = LockFolder(tmp_path)

        run = folder.run(registry(web="1"))

        assert (run.code, run.out) == (0, b"")
        assert run.err == f"added {WEB}: {digest_of_content('1')}\n"
        (entry,) = folder.entries().values()
        parse_lock(folder.path.read_bytes(), "", "")
        assert entry["resolved_at"] >= "2026"
        assert (entry["media_type"], entry["source"]) == ("application/vnd.oci.image.manifest.v1+json", "memory")

    def test_needed_entries_stay_missing_ones_are_added_and_unused_ones_removed(self, folder: LockFolder) -> None:
        saved(folder.template.parent, TWO)
        images = registry(web="new", db="1")

        run = folder.run(images)

        assert run.err == f"added {DB}: {digest_of_content('1')}\n"
        assert folder.digests() == {WEB: digest_of_content("old"), DB: digest_of_content("1")}
        assert [str(lookup) for lookup in images.image_lookups] == [DB]
        saved(folder.template.parent, MARKED)
        assert folder.run(images).err == f"removed {DB}\n"
        assert set(folder.digests()) == {WEB}

    @pytest.mark.parametrize("options", [(), ("--update",)])
    def test_a_held_entry_stays_although_it_is_not_used(self, options: tuple[str, ...], folder: LockFolder) -> None:
        folder.change(WEB, **HELD | {"until": "2999-12-31"})
        saved(folder.template.parent, TWO.replace("shop/web", "shop/db"))

        run = folder.run(registry(db="1"), *options)

        assert run.code == 0
        assert set(folder.digests()) == {WEB, DB}
        hold = "it is held until 2999-12-31 (1.28 loses sessions)"
        assert run.err.startswith(f"warning: {WEB} is kept, although no template uses it: {hold}\nadded {DB}")
        assert folder.run(registry(db="1"), "--check").code == 0
        folder.change(WEB, until="2026-01-31")
        assert f"removed {WEB}\n" in folder.run(registry(db="1"), *options).err

    def test_a_run_without_changes_does_not_touch_the_file(self, folder: LockFolder) -> None:
        before = state(folder.path)
        for options in ((), ("--update",), ("--update", WEB)):
            run = folder.run(registry(web="old"), *options)
            assert (run.code, run.err) == (0, "")
        assert state(folder.path) == before

    def test_each_platform_and_kind_of_digest_has_an_entry(self, tmp_path: Path) -> None:
        function = """\
  Function:
    Type: AWS::Lambda::Function
    Properties: {PackageType: Image, Code: {ImageUri: "!PinDigest shop/web:1.0"}}
"""
        run = image_pinner("lock", str(saved(tmp_path, MARKED + function)), "-o", "-")
        entries = json.loads(run.out)["images"]
        assert [entry.get("single_platform", False) for entry in entries] == [False, True]

    def test_several_templates_share_a_lock_file_and_each_takes_its_parameters(self, tmp_path: Path) -> None:
        first, second = saved(tmp_path), saved(tmp_path, TWO.replace("Tag", "Version"), "second.yaml")
        run = image_pinner(
            "lock", str(first), str(second), "-o", "-", "--parameter", "Tag=2.0", "--parameter", "Version=3.0"
        )
        assert run.code == 0, run.err
        images = [entry["image"] for entry in json.loads(run.out)["images"]]
        assert images == [DB, "docker.io/shop/web:2.0", "docker.io/shop/web:3.0"]

    def test_external_values_are_resolved_as_pin_does(self, tmp_path: Path) -> None:
        template = MARKED.replace('!Sub "!PinDigest shop/web:${Tag}"', '"!PinDigest shop/web:{{resolve:ssm:/tag}}"')
        images = InMemoryRegistry({SsmParameter("/tag"): "7"}, has_every_image=True)
        run = image_pinner("lock", str(saved(tmp_path, template)), "-o", "-", resolvers=images)
        assert json.loads(run.out)["images"][0]["image"] == "docker.io/shop/web:7"

    def test_an_image_without_a_tag_is_locked_as_latest(self, tmp_path: Path) -> None:
        folder = LockFolder(tmp_path, MARKED.replace("shop/web:${Tag}", "shop/web"))
        images = InMemoryRegistry()
        images.push("shop/web:latest", oci_image(b"1"))
        assert folder.run(images, "--unsafe-implicit-latest").code == 0
        assert set(folder.entries()) == {"docker.io/shop/web:latest"}
        assert folder.run(images, "--unsafe-implicit-latest", "--check").code == 0
        pin = ("pin", str(folder.template), "--unsafe-implicit-latest", "--lock", str(folder.path))
        run = image_pinner(*pin, resolvers=InMemoryRegistry())
        assert f"shop/web@{digest_of_content('1')}" in run.text

    def test_a_tag_that_is_kept_has_no_entry_but_a_warning(self, tmp_path: Path) -> None:
        folder = LockFolder(tmp_path, MARKED.replace("!PinDigest ", "!PinDigest WhenMissing=KeepTag "))
        run = folder.run(registry())
        assert run.code == 0
        assert "tag kept" in run.err
        assert folder.entries() == {}


class TestUpdate:
    def test_all_entries_are_resolved_again(self, folder: LockFolder) -> None:
        run = folder.run(registry(web="new"), "--update")

        assert run.err == f"updated {WEB}: {digest_of_content('old')} -> {digest_of_content('new')}\n"
        assert folder.digests() == {WEB: digest_of_content("new")}
        assert folder.entries()[WEB]["resolved_at"] > "2026-01-01"

    @pytest.mark.parametrize("image", ["shop/web", "shop/web:1.0"])
    def test_only_the_images_of_the_option_are_resolved_again(self, image: str, folder: LockFolder) -> None:
        saved(folder.template.parent, TWO)
        assert folder.run(registry(web="old", db="old")).code == 0
        images = registry(web="new", db="new")

        assert folder.run(images, "--update", image).code == 0

        assert folder.digests() == {WEB: digest_of_content("new"), DB: digest_of_content("old")}
        assert [str(lookup) for lookup in images.image_lookups] == [WEB]

    @pytest.mark.parametrize("options", [("--update",), ("--update", "shop/web")])
    def test_a_held_entry_is_never_updated(self, options: tuple[str, ...], folder: LockFolder) -> None:
        folder.change(WEB, **HELD | {"until": "2999-12-31"})
        before, images = state(folder.path), registry(web="new")

        run = folder.run(images, *options)

        assert run.err == (f"warning: {WEB} is not updated: it is held until 2999-12-31 (1.28 loses sessions)\n")
        assert (run.code, state(folder.path), images.image_lookups) == (0, before, [])

    def test_an_entry_of_a_mapped_registry_is_resolved_where_it_comes_from(self, folder: LockFolder) -> None:
        content = json.loads(folder.path.read_text()) | {"map": {"docker.io/shop": "prod.example.com"}}
        folder.path.write_text(json.dumps(content))
        saved(folder.template.parent, MARKED.replace("shop/web", "prod.example.com/web"))
        images = registry(web="new")

        run = folder.run(images, "--update")

        assert run.code == 0, run.err
        assert folder.digests() == {WEB: digest_of_content("new")}
        assert [str(lookup) for lookup in images.image_lookups] == [WEB]


class TestCheck:
    def test_an_entry_is_out_of_date_if_the_tag_has_moved(self, folder: LockFolder) -> None:
        before = state(folder.path)
        run = folder.run(registry(web="new"), "--check")
        old, new = digest_of_content("old"), digest_of_content("new")
        assert (run.code, run.text.splitlines()[0]) == (
            1,
            f"{folder.path}: out of date: {WEB} is locked to {old}, and resolves to {new}",
        )
        assert state(folder.path) == before

    def test_missing_and_unused_entries_are_findings(self, folder: LockFolder) -> None:
        saved(folder.template.parent, MARKED.replace("shop/web", "shop/db"))
        run = folder.run(registry(db="1"), "--check")
        assert run.code == 1
        assert [line for line in run.text.splitlines() if "help" not in line] == [
            f"{folder.path}: missing: {DB} has no entry",
            f"{folder.path}: unused: no template uses {WEB}",
        ]

    def test_a_missing_lock_file_is_a_finding(self, tmp_path: Path) -> None:
        folder = LockFolder(tmp_path)
        run = folder.run(registry(web="1"), "--check")
        assert (run.code, folder.path.exists()) == (1, False)
        assert f"missing: {WEB} has no entry" in run.text

    @pytest.mark.parametrize(("until", "code"), [("2026-01-31", 1), ("2999-12-31", 0)])
    def test_a_held_entry_is_a_finding_only_if_its_hold_has_expired(
        self, until: str, code: int, folder: LockFolder
    ) -> None:
        folder.change(WEB, **HELD | {"until": until})
        run = folder.run(registry(web="new"), "--check")
        assert run.code == code
        expired = f"{folder.path}: hold expired: the hold of {WEB} expired on {until} (1.28 loses sessions)\n"
        assert run.text.startswith(expired) if code else run.text == ""

    def test_an_up_to_date_lock_file_has_no_findings(self, folder: LockFolder) -> None:
        run = folder.run(registry(web="old"), "--check")
        assert (run.code, run.out, run.err) == (0, b"", "")


def test_the_help_lists_the_options_and_the_subcommand() -> None:
    run = image_pinner("lock", "--help")
    assert run.code == 0
    assert "--update [IMAGE]" in run.text
    assert "\nCommands:\n  publish  Publish the lock FILE where" in run.text
    assert image_pinner("lock", "publish", "--help").text.startswith("Usage: image-pinner lock publish [OPTIONS] FILE")
