"""Reading files, and writing them atomically."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from image_pinner.cli.documents import FileWriteError, read_file, write_atomically
from image_pinner.cli.documents.text import MAX_BYTES
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
    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError) as caught:
            read_file(tmp_path / "web.yaml")
        assert caught.value.cause == f"cannot read {tmp_path / 'web.yaml'}: no such file or directory"
        assert caught.value.help == "check the path"

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError, match=r"cannot read .*: it is a directory"):
            read_file(tmp_path)

    def test_path_through_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError, match="part of the path is a file, not a directory"):
            read_file(template(tmp_path) / "x")

    def test_pipe_without_writer_does_not_block(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UnreadableTemplateError, match="it is a pipe or a device, not a file") as caught:
            read_file(tmp_path / "pipe")
        assert "standard input" in caught.value.help

    def test_device(self) -> None:
        with pytest.raises(UnreadableTemplateError, match="it is a pipe or a device, not a file"):
            read_file(Path(os.devnull))

    def test_symbolic_link_loop(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(UnreadableTemplateError, match="symbolic links form a loop"):
            read_file(tmp_path / "a")

    def test_path_with_null_byte(self) -> None:
        with pytest.raises(UnreadableTemplateError, match="cannot read"):
            read_file(Path("web\0.yaml"))

    def test_path_too_long(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableTemplateError, match="the path is too long"):
            read_file(tmp_path / ("x" * 5000))

    def test_file_too_large_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "web.yaml"
        with path.open("wb") as file:
            file.truncate(10 * MAX_BYTES)
        with pytest.raises(UnreadableTemplateError, match="has 50,000,000 bytes, more than the limit of 5,000,000"):
            read_file(path)

    def test_file_that_grows_while_it_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        empty = template(tmp_path, b"").stat()
        path = template(tmp_path, b"x" * (MAX_BYTES + 2))
        monkeypatch.setattr(os, "fstat", lambda _: empty)
        with pytest.raises(UnreadableTemplateError, match="has 5,000,001 bytes"):
            read_file(path)

    @pytest.mark.parametrize(
        ("number", "expected"), [(errno.EACCES, "permission denied"), (errno.EIO, os.strerror(errno.EIO))]
    )
    def test_file_that_cannot_be_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str
    ) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, "open", failing(number))
        with pytest.raises(UnreadableTemplateError, match=expected):
            read_file(path)

    def test_file_is_read_completely(self, tmp_path: Path) -> None:
        content = bytes(range(256)) * 100
        assert read_file(template(tmp_path, content)) == content

    def test_largest_file(self, tmp_path: Path) -> None:
        assert len(read_file(template(tmp_path, b"x" * MAX_BYTES))) == MAX_BYTES


class TestRefusedWriting:
    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (errno.ENOSPC, "the disk is full"),
            (errno.EDQUOT, "the disk quota is exceeded"),
            (errno.EROFS, "the file system is read-only"),
            (errno.EIO, "Input/output error"),
        ],
    )
    @pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
    def test_error_leaves_the_old_file_and_no_temporary_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: str
    ) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, call, failing(number))
        with pytest.raises(FileWriteError) as caught:
            write_atomically(path, NEW)
        assert caught.value.cause == f"cannot write {path}: {expected}"
        assert caught.value.help
        assert path.read_bytes() == OLD
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_file_size_limit_is_exceeded_while_writing(self, tmp_path: Path) -> None:
        path = template(tmp_path)
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from image_pinner.cli.documents import FileWriteError, write_atomically\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "try: write_atomically(Path(sys.argv[1]), b'x' * 100_000)\n"
            "except FileWriteError as error: sys.stdout.write(error.diagnostics())\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"cannot write {path}: it exceeds the limit on file sizes; help: raise the limit" in done.stdout
        assert path.read_bytes() == OLD
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_interruption_leaves_no_temporary_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(_: int) -> None:
            raise KeyboardInterrupt

        path = template(tmp_path)
        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, NEW)
        assert path.read_bytes() == OLD
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(FileWriteError, match=r"cannot write .*: it is a directory"):
            write_atomically(tmp_path, NEW)

    def test_missing_directory(self, tmp_path: Path) -> None:
        with pytest.raises(FileWriteError, match=r"cannot write .*: no such file or directory"):
            write_atomically(tmp_path / "no" / "web.yaml", NEW)

    def test_device(self) -> None:
        with pytest.raises(FileWriteError, match="it is a pipe or a device, not a file"):
            write_atomically(Path(os.devnull), NEW)

    def test_symbolic_link_loop(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        with pytest.raises(FileWriteError, match="symbolic links form a loop"):
            write_atomically(tmp_path / "a", NEW)

    def test_read_only_file_is_not_replaced(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        # The superuser may write every file.
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(FileWriteError, match=r"cannot write .*: permission denied"):
            write_atomically(path, NEW)
        assert path.read_bytes() == OLD

    def test_directory_without_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, "open", failing(errno.EACCES))
        with pytest.raises(FileWriteError, match="permission denied"):
            write_atomically(path, NEW)
        assert path.read_bytes() == OLD


class TestWriting:
    def test_content_is_replaced_and_mode_is_kept(self, tmp_path: Path) -> None:
        path = template(tmp_path)
        path.chmod(0o640)
        write_atomically(path, NEW)
        assert path.read_bytes() == NEW
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert [entry.name for entry in tmp_path.iterdir()] == ["web.yaml"]

    def test_new_file_has_the_default_mode(self, tmp_path: Path) -> None:
        usual = template(tmp_path)
        path = tmp_path / "new.yaml"
        write_atomically(path, NEW)
        assert path.read_bytes() == NEW
        assert path.stat().st_mode == usual.stat().st_mode

    def test_owner_and_group_are_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        taken: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "fchown", lambda _, user, group: taken.append((user, group)))
        write_atomically(path, NEW)
        assert taken == [(path.stat().st_uid, path.stat().st_gid)]

    def test_owner_that_cannot_be_kept_is_ignored(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        monkeypatch.setattr(os, "fchown", failing(errno.EPERM))
        write_atomically(path, NEW)
        assert path.read_bytes() == NEW

    def test_system_without_owners_and_modes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        monkeypatch.delattr(os, "fchown")
        monkeypatch.delattr(os, "fchmod")
        write_atomically(path, NEW)
        assert path.read_bytes() == NEW

    def test_symbolic_link_is_kept_and_its_target_written(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        target = template(tmp_path / "deep")
        link = tmp_path / "link.yaml"
        link.symlink_to(Path("deep") / "web.yaml")
        write_atomically(link, NEW)
        assert link.is_symlink()
        assert target.read_bytes() == NEW

    def test_file_system_that_cannot_sync_directories(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = template(tmp_path)
        sync = os.fsync

        def only_files(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "no")
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", only_files)
        write_atomically(path, NEW)
        assert path.read_bytes() == NEW

    def test_open_file_still_reads_the_old_content(self, tmp_path: Path) -> None:
        path = template(tmp_path)
        with path.open("rb") as file:
            write_atomically(path, NEW)
            assert file.read() == OLD
