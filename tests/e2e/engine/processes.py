"""Processes of the tests: started in a session of their own, on loopback only, and ended with all their children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
# https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
_LISTEN = "0A"
_LOOPBACK_4 = "7F"  # the last of four bytes, in little-endian byte order
_LOOPBACK_6 = "00000000000000000000000001000000"
_MAPPED_LOOPBACK = "0000000000000000FFFF0000"
_READY_WITHIN = 90.0  # seconds
_END_WITHIN = 10.0  # seconds


@dataclass(frozen=True)
class Running:
    """A running program, with the ID of its session."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        """Return the end of its output."""
        return self.log.read_text("utf-8", "replace")[-4000:]

    def megabytes(self) -> float:
        """Return the memory of all processes in the session of the program, in megabytes."""
        return sum(_resident(pid) for pid in members(self.process.pid))


def free_port() -> int:
    """Return an unused port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: tuple[str | Path, str],
    environment: Mapping[str, str],
    log: Path,
    ready: Callable[[str], bool],
    *,
    patience: float = _END_WITHIN,
) -> Iterator[Running]:
    """Run a module that listens on the port `{port}` of its environment, until the block ends.

    Args:
        command: A Python interpreter and the name of the module.
        environment: All environment variables; `{port}` in a value is replaced by the port.
        log: The file for its output.
        ready: Returns whether the program at a URL is ready.
        patience: The timeout in seconds for it to exit by itself.
    """
    port = free_port()
    filled = {name: value.replace("{port}", str(port)) for name, value in environment.items()}
    python, module = command
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), str(_LAUNCH), module],
            env={**filled, "IMAGE_PINNER_E2E_PARENT": str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    found = Running(process, port, log)
    try:
        _wait(found, ready)
        yield found
    finally:
        end(process, patience)


def _wait(found: Running, ready: Callable[[str], bool]) -> None:
    begun = time.monotonic()
    while not ready(found.url):
        assert found.process.poll() is None, found.output()
        assert time.monotonic() - begun < _READY_WITHIN, f"not ready within {_READY_WITHIN} seconds: {found.output()}"
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes], patience: float = _END_WITHIN) -> None:
    """Terminate a program and its session, and kill what is left after a timeout."""
    for how, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _END_WITHIN)):
        # One by one: child processes may have created groups of their own.
        for pid in members(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            process.poll()
            if not members(process.pid):
                process.wait()
                return
            time.sleep(0.02)
    raise AssertionError(f"processes survived: {members(process.pid)}")


def members(session: int) -> list[int]:
    """Return the processes of a session: its leader and all child processes in it."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            # The name is in parentheses and may contain any character. After it: state, parent, group, session.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(folder.name))
    return found


def listening(pids: list[int]) -> dict[str, bool]:
    """Return the sockets on which processes listen, and whether each is on loopback."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    found = {}
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:] if Path(f"/proc/net/{table}").exists() else []
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and fields[9] in inodes:
                found[f"{table} {fields[1]}"] = is_loopback(fields[1])
    return found


def expect_loopback(program: Running) -> None:
    """Fail if a program of the tests listens on an address other than loopback."""
    sockets = listening(members(program.process.pid))
    opened = [address for address, loopback in sockets.items() if not loopback]
    if opened or not sockets:
        raise AssertionError(f"not only loopback is listened on: {opened or 'nothing can be seen'}")


def is_loopback(address: str) -> bool:
    """Return whether an address in the format of `/proc/net/tcp` and `tcp6` is a loopback address."""
    host = address.partition(":")[0]
    return host == _LOOPBACK_6 or host.removeprefix(_MAPPED_LOOPBACK)[6:] == _LOOPBACK_4


def _sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def _resident(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0
