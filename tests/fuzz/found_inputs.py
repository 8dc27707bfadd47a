"""Inputs that once caused a failure. `make fuzz` prints the line to add when it finds one."""

from __future__ import annotations

FOUND: tuple[tuple[str, bytes], ...] = ()
