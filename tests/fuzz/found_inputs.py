"""Inputs that once caused a failure. `make fuzz` prints the line to add when it finds one."""

from __future__ import annotations

FOUND: tuple[tuple[str, bytes], ...] = (
    # A key of the fragment itself was not searched for the long form.
    ("events", b'{"fragment":{"Fn::PinDigest":""},"params":{"Image":"b:1"}}'),
    # An Fn::If whose argument is a mapping has no branches.
    ("events", b'{"fragment":{"a":{"Fn::If":{"Image":"b:1"}}}}'),
)
