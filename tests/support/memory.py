"""Peak memory of this process, as Linux counts it.

`getrusage` cannot report it: a child starts with the peak of the process that started it.
https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
"""

from __future__ import annotations

from pathlib import Path

_STATUS = Path("/proc/self/status")
AVAILABLE = _STATUS.exists()


def reset_peak() -> float:
    """Set the peak to the memory in use, and return it in megabytes."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return peak()


def peak() -> float:
    """Return the peak since it was last reset, in megabytes."""
    (kibibytes,) = (line.split()[1] for line in _STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
    return int(kibibytes) * 1024 / 1e6
