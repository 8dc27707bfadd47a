"""Reading files with care, and writing them whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from image_pinner.cli.documents import UnwritableFileError, read_file, write_by_rename
from image_pinner.cli.documents.encodings import MAX_BYTES
from image_pinner.core.errors import UnreadableTemplateError

OLD = b"Resources: {}\n"
NEW = b"Resources: {Web: {}}\n"
PACKAGE = Path(__file__).parents[4] / "macro"


def template(directory: Path, content: bytes = OLD) -> Path:
    path = directory / "web.yaml"
    path.write_bytes(content)
    return path


def failing(number: int) -> object:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


class TestReading:
    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError) as caught:
            read_file(tmp_path / "web.yaml")
        assert caught.value.cause == f"{tmp_path / 'web.yaml'} cannot be read: there is no such file or directory"
        assert caught.value.help == "Check the path"

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError, match="cannot be read: it is a directory"):
            read_file(tmp_path)

    def test_a_path_through_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError, match="a part of the path is a file, not a directory"):
            read_file(template(tmp_path) / "x")

    def test_a_pipe_that_nobody_writes_to_does_not_make_us_wait(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UnreadableTemplateError, match="is a pipe or a device, no file") as caught:
            read_file(tmp_path / "pipe")
        assert "standard input" in caught.value.help

    def test_a_device(self) -> None:
        with pytest.raises(UnreadableTemplateError, match="is a pipe or a device, no file"):
            read_file(Path(os.devnull))

    def test_a_circle_of_links(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(UnreadableTemplateError, match="symbolic links lead in a circle"):
            read_file(tmp_path / "a")

    def test_a_name_that_no_file_can_have(self) -> None:
        with pytest.raises(UnreadableTemplateError, match="cannot be read"):
            read_file(Path("web\0.yaml"))

    def test_a_name_that_is_too_long(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError, match="the path is too long"):
            read_file(tmp_path / ("x" * 5000))

    def test_a_file_that_is_too_big_is_not_even_read(self, tmp_path: Path) -> None:
        path = tmp_path / "web.yaml"
        with path.open("wb") as file:
            file.truncate(10 * MAX_BYTES)
        with pytest.raises(UnreadableTemplateError, match="has 50,000,000 bytes, more than the 5,000,000"):
            read_file(path)

    def test_a_file_that_grows_while_it_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        empty = template(tmp_path, b"").stat()
        path = template(tmp_path, b"x" * (MAX_BYTES + 2))
        monkeypatch.setattr(os, "fstat", lambda _: empty)
        with pytest.raises(UnreadableTemplateError, match="has 5,000,001 bytes"):
            read_file(path)

    @pytest.mark.parametrize(
        ("number", "expected"), [(errno.EACCES, "permission is denied"), (errno.EIO, os.strerror(errno.EIO))]
    )
    def test_a_file_that_cannot_be_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str
    ) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, "open", failing(number))
        with pytest.raises(UnreadableTemplateError, match=expected):
            read_file(path)

    def test_a_file_is_read_whole(self, tmp_path: Path) -> None:
        content = bytes(range(256)) * 100
        assert read_file(template(tmp_path, content)) == content

    def test_the_largest_file(self, tmp_path: Path) -> None:
        assert len(read_file(template(tmp_path, b"x" * MAX_BYTES))) == MAX_BYTES


class TestRefusedWriting:
    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (errno.ENOSPC, "cannot be written: the disk is full"),
            (errno.EDQUOT, "cannot be written: the disk quota is used up"),
            (errno.EROFS, "cannot be written: the file system is read-only"),
            (errno.EIO, "cannot be written: Input/output error"),
        ],
    )
    @pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
    def test_a_fault_leaves_the_file_as_it_was_and_nothing_beside_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: str
    ) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, call, failing(number))
        with pytest.raises(UnwritableFileError) as caught:
            write_by_rename(path, NEW)
        assert caught.value.cause == f"{path} {expected}"
        assert caught.value.help
        assert path.read_bytes() == OLD
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_a_limit_that_the_system_sets_is_met_while_writing(self, tmp_path: Path) -> None:
        path = template(tmp_path)
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from image_pinner.cli.documents import UnwritableFile, write_by_rename\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "try: write_by_rename(Path(sys.argv[1]), b'x' * 100_000)\n"
            "except UnwritableFile as error: sys.stdout.write(error.diagnostics())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "cannot be written: a limit on the size of files forbids it. Raise the limit" in done.stdout
        assert path.read_bytes() == OLD
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_an_interruption_leaves_nothing_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        path = template(tmp_path)
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_by_rename(path, NEW)
        assert path.read_bytes() == OLD
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(UnwritableFileError, match="cannot be written: it is a directory"):
            write_by_rename(tmp_path, NEW)

    def test_a_directory_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(UnwritableFileError, match="cannot be written: there is no such file or directory"):
            write_by_rename(tmp_path / "no" / "web.yaml", NEW)

    def test_a_device(self) -> None:
        with pytest.raises(UnwritableFileError, match="it is a pipe or a device, no file"):
            write_by_rename(Path(os.devnull), NEW)

    def test_a_circle_of_links(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(UnwritableFileError, match="symbolic links lead in a circle"):
            write_by_rename(tmp_path / "a", NEW)

    def test_a_file_that_its_mode_protects_is_not_replaced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = template(tmp_path)
        # The superuser, who runs the tests in a container, may write everything.
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(UnwritableFileError, match="cannot be written: permission is denied"):
            write_by_rename(path, NEW)
        assert path.read_bytes() == OLD

    def test_a_directory_without_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, "open", failing(errno.EACCES))
        with pytest.raises(UnwritableFileError, match="permission is denied"):
            write_by_rename(path, NEW)
        assert path.read_bytes() == OLD


class TestWriting:
    def test_a_file_gets_its_new_content_and_keeps_its_mode(self, tmp_path: Path) -> None:
        path = template(tmp_path)
        path.chmod(0o640)
        write_by_rename(path, NEW)
        assert path.read_bytes() == NEW
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_a_new_file_gets_the_usual_mode(self, tmp_path: Path) -> None:
        usual = template(tmp_path)
        path = tmp_path / "new.yaml"
        write_by_rename(path, NEW)
        assert path.read_bytes() == NEW
        assert path.stat().st_mode == usual.stat().st_mode

    def test_owner_and_group_are_taken_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        taken: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "fchown", lambda _, user, group: taken.append((user, group)))
        write_by_rename(path, NEW)
        assert taken == [(path.stat().st_uid, path.stat().st_gid)]

    def test_an_owner_that_cannot_be_taken_over_does_not_stop_us(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, "fchown", failing(errno.EPERM))
        write_by_rename(path, NEW)
        assert path.read_bytes() == NEW

    def test_a_system_without_owners_and_modes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        monkeypatch.delattr(os, "fchown")
        monkeypatch.delattr(os, "fchmod")
        write_by_rename(path, NEW)
        assert path.read_bytes() == NEW

    def test_a_link_stays_and_its_target_is_written(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        target = template(tmp_path / "deep")
        link = tmp_path / "link.yaml"
        link.symlink_to(Path("deep") / "web.yaml")
        write_by_rename(link, NEW)
        assert link.is_symlink()
        assert target.read_bytes() == NEW

    def test_a_file_system_that_cannot_sync_directories_does_not_stop_us(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = template(tmp_path)
        sync = os.fsync

        def only_files(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "no")
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", only_files)
        write_by_rename(path, NEW)
        assert path.read_bytes() == NEW

    def test_who_has_the_file_open_reads_the_old_content_to_its_end(self, tmp_path: Path) -> None:
        path = template(tmp_path)
        with path.open("rb") as file:
            write_by_rename(path, NEW)
            assert file.read() == OLD
