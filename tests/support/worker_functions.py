"""Functions that tests apply to files in several processes, which import them from here."""

from __future__ import annotations

import os
import sys
import time

from image_pinner.cli.discovery import InputFile


def name_of(file: InputFile) -> str:
    """Return the name."""
    return file.name


def crash_for_b(file: InputFile) -> str:
    """End the process for the file b."""
    if file.name == "b":
        os._exit(1)
    return file.name


def raise_for_b(file: InputFile) -> str:
    """Raise an error for the file b."""
    if file.name == "b":
        raise KeyError(file.name)
    return file.name


def wait(file: InputFile) -> str:
    """Print that the process works on a file, and wait."""
    # In one call: lines of several processes must not mix.
    os.write(sys.stdout.fileno(), f"{file.name}\n".encode())
    time.sleep(60)
    return file.name
