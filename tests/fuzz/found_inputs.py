"""Inputs that broke something once. `make fuzz` prints a line for this list when it finds one."""

from __future__ import annotations

FOUND: tuple[tuple[str, bytes], ...] = ()
