"""Image references: `[registry/]repository[:tag][@digest]`, checked once and kept as they were written.

The grammar is that of https://github.com/distribution/reference (reference.go and normalize.go): what stands before
the first slash is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`; without a registry
the image is on Docker Hub, where a name of one part is in `library/`. A reference with a tag and a digest keeps both:
the digest says which image it is, the tag is for people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from image_pinner.core.errors import InvalidReference
from image_pinner.core.images.digests import Digest

DOCKER_HUB = "docker.io"
_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io"})

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_BARE_HEX = re.compile(r"[a-f0-9]{64}", re.ASCII)
_SCHEME = re.compile(r"[a-z0-9+.-]+://", re.ASCII)
_MAX_PATH = 255


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference that was checked.

    Args:
        registry: The registry in its canonical form: a host, with its port if one is written; `docker.io` by default.
        repository: The repository's path in the registry, with Docker Hub's `library/` where it is implied.
        tag: The tag, or empty.
        digest: The digest, or `None`.
        written: The text that was read; it takes no part in comparisons.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None
    written: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read a reference.

        Args:
            text: The reference, without white space around it.

        Returns:
            The reference, with `text` kept as `written`.

        Raises:
            InvalidReference: The text breaks a rule; the error names the rule and the place.
        """
        _refuse_what_is_no_reference(text)
        name, _, digest_text = text.partition("@")
        slash = name.find("/")
        first = name[:slash] if slash > 0 else ""
        named = bool(first) and _is_registry(first)
        start = slash + 1 if named else 0
        path, colon, tag = name[start:].partition(":")
        registry = _registry(text, first) if named else DOCKER_HUB
        _check_path(text, path, start)
        if colon and not _TAG.fullmatch(tag):
            raise _bad_tag(text, tag, start + len(path) + 1)
        digest = _digest(text, digest_text, len(name) + 1) if "@" in text else None
        if registry == DOCKER_HUB and "/" not in path:
            path = f"library/{path}"
        return cls(registry, path, tag, digest, text)

    @property
    def written_name(self) -> str:
        """What was written of registry and repository, without tag and digest."""
        name = self.written.partition("@")[0]
        return name[: -len(self.tag) - 1] if self.tag else name

    def pinned(self, digest: Digest) -> str:
        """Give `repository@digest` with registry and repository as they were written."""
        return f"{self.written_name}@{digest}"

    def canonical(self) -> ImageReference:
        """Give the same reference, written in full."""
        return ImageReference(self.registry, self.repository, self.tag, self.digest, self._full())

    def _full(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    def __str__(self) -> str:
        return self.written or self._full()


def _is_registry(first: str) -> bool:
    return first == "localhost" or "." in first or ":" in first or first.lower() != first


def _refuse_what_is_no_reference(text: str) -> None:
    if not text:
        raise InvalidReference(text, "it is empty", 0, "Write repository:tag")
    if scheme := _SCHEME.match(text):
        raise InvalidReference(
            text, "it begins like a URL", 0, f"Leave {scheme[0]!r} away: registry/repository:tag is all"
        )
    for position, character in enumerate(text):
        if character.isspace() or not character.isprintable():
            raise InvalidReference(text, "it contains white space", position, "Remove it")
        if character in "\"'`{}<>$":
            raise InvalidReference(
                text,
                f"{character!r} cannot stand in a reference",
                position,
                "Look for a placeholder that was never filled in, or a quote too many",
            )
    if _BARE_HEX.fullmatch(text):
        raise InvalidReference(text, "64 hexadecimal digits are an image id", 0, "Write repository@sha256:… instead")
    if text.startswith("sha256:"):
        raise InvalidReference(text, "it is a digest without a repository", 0, "Write repository@sha256:…")


def _registry(text: str, first: str) -> str:
    if not _HOST.fullmatch(first):
        raise InvalidReference(text, f"{first!r} is no host name with an optional port", 0, "Check the registry's host")
    host = first.lower() if first.isascii() else first
    return DOCKER_HUB if host in _DOCKER_HUB_NAMES else first


def _check_path(text: str, path: str, start: int) -> None:
    if len(path) > _MAX_PATH:
        raise InvalidReference(text, f"a repository has at most {_MAX_PATH} characters", start + _MAX_PATH)
    if _PATH.fullmatch(path):
        return
    for offset, character in enumerate(path):
        if character.isupper():
            raise InvalidReference(text, "a repository is written in lower case", start + offset)
    good = _PATH.match(path)
    offset = good.end() if good else 0
    if not path or offset >= len(path):
        rule = "the repository's name is missing"
    else:
        rule = "a repository is letters and digits, parted by '/', '.', '_', '__' or dashes"
    raise InvalidReference(text, rule, start + offset, "Write registry/repository:tag")


def _bad_tag(text: str, tag: str, start: int) -> InvalidReference:
    if not tag:
        return InvalidReference(text, "nothing stands behind the colon", start, "Write a tag, or leave the colon away")
    if "/" in tag:
        return InvalidReference(
            text, "a registry with a port comes first", start, "Write host:port/repository:tag, with a host"
        )
    good = re.match(r"[\w.-]{0,128}", tag, re.ASCII)
    offset = 0 if tag[0] in ".-" else (good.end() if good else 0)
    return InvalidReference(
        text,
        "a tag is up to 128 letters, digits, '_', '.' and '-' and begins with none of the last two",
        start + offset,
    )


def _digest(text: str, digest: str, start: int) -> Digest:
    try:
        return Digest(digest)
    except InvalidReference as error:
        raise InvalidReference(text, error.rule, start, error.remedy) from None
