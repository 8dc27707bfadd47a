"""Templates for tests of the command."""

from __future__ import annotations

from pathlib import Path

from image_pinner.core.images.references import Digest

MARKED = """\
# A comment that stays.
Transform: ImagePinner
Parameters:
  Tag: {Type: String, Default: "1.0"}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: web   # the main container
          Image: !Sub "!PinDigest shop/web:${Tag}"
"""
UNMARKED = MARKED.replace("!PinDigest ", "")
REFUSED = MARKED.replace("shop/web", "Shop/Web")
SUMMARY = "Pinned 1 image (0 skipped).\n"
"""What `pin` prints about MARKED."""
PLAIN = """\
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""


def saved(folder: Path, text: str | bytes = MARKED, name: str = "template.yaml") -> Path:
    """Save a template and return its path."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def state(path: Path) -> tuple[bytes, int, int, int]:
    """Return what stays the same of a file that is not written: content, modification time, inode and mode."""
    status = path.stat()
    return path.read_bytes(), status.st_mtime_ns, status.st_ino, status.st_mode


def digest(reference: str) -> str:
    """Return the digest that the registry in memory has for a canonical reference."""
    return str(Digest.of(reference.encode()))
