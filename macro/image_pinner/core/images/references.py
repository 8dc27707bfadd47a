"""Image references, `[registry/]repository[:tag][@digest]`, and digests.

https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests

The grammar is that of https://github.com/distribution/reference (reference.go and normalize.go): what stands before
the first slash is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`; without a registry
the image is on Docker Hub, where a name of one part is in `library/`. A reference with a tag and a digest keeps both:
the digest says which image it is, the tag is for people.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import NamedTuple

from image_pinner.core.errors import InvalidReferenceError, cut

# ECS takes sha256 with exactly 64 lower-case hexadecimal digits and nothing else:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest that can be pinned to."""
    return _SHA256.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A digest such as `sha256:9f86d0…`, always sha256 with 64 lower-case hexadecimal digits.

    Args:
        text: The digest as it stands behind the `@`.

    Raises:
        InvalidReferenceError: The text is no such digest.
    """

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no digest."""
        if not is_digest(self.text):
            raise InvalidReferenceError(
                self.text,
                "a digest is 'sha256:' and 64 hexadecimal digits in lower case",
                0,
                "Take the digest from the registry as it is",
            )

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, manifest: bytes) -> Digest:
        """Give the digest of a manifest's bytes."""
        return cls(f"sha256:{hashlib.sha256(manifest).hexdigest()}")


DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"
_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io"})

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII)
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
# All of it at once, which is what most references need. What stands before the first slash is a registry, or must not
# look like one; the second + keeps the look at it from being taken back and tried again in every other way.
_LIKE_A_REGISTRY = r"(?=[^/@]*+/)(?:localhost/|[^/@.:A-Z]*+[.:A-Z])"
_REFERENCE = re.compile(
    rf"(?:(?={_LIKE_A_REGISTRY})({_HOST.pattern})/|(?!{_LIKE_A_REGISTRY}))"
    rf"({_PATH.pattern})(?::({_TAG.pattern}))?(?:@(sha256:[0-9a-f]{{64}}))?",
    re.ASCII,
)
_IS_DIGEST_ALONE = re.compile(r"(?:sha256:)?[a-f0-9]{64}", re.ASCII)
_SCHEME = re.compile(r"[a-z0-9+.-]{1,40}://", re.ASCII)
_DIGEST_ALONE = (64, len("sha256:") + 64)  # characters
_MAX_PATH = 255
_LIBRARY = "library/"  # what a short name on Docker Hub stands behind
_MAX_SHORT = _MAX_PATH - len(_LIBRARY)
_TOO_LONG = f"a repository has at most {_MAX_PATH} characters, with the {_LIBRARY!r} of a short name"
_SHOWN_NAME = 300  # characters of registry and repository in a remedy: more than any valid ones have
_SHOWN_HOST = 100  # characters of a bad host that a message repeats


class ImageReference(NamedTuple):
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
    written: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageReference) and self[:4] == other[:4]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:4])

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read a reference.

        Args:
            text: The reference, without white space around it.

        Returns:
            The reference, with `text` kept as `written`.

        Raises:
            InvalidReferenceError: The text breaks a rule; the error names the rule and the place.
        """
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise _broken_rule(text)
        registry, path, tag, digest = found.groups()
        if len(path) > _MAX_PATH or (len(text) in _DIGEST_ALONE and _IS_DIGEST_ALONE.fullmatch(text)):
            raise _broken_rule(text)
        if registry is None:
            registry = DOCKER_HUB
        if registry.lower() in _DOCKER_HUB_NAMES:
            registry = DOCKER_HUB
            path = path if "/" in path else f"{_LIBRARY}{path}"
            if len(path) > _MAX_PATH:
                raise InvalidReferenceError(
                    text, _TOO_LONG, len(text), f"Give it a name of at most {_MAX_SHORT} characters"
                )
        return cls(registry, path, tag or "", Digest(digest) if digest else None, text)

    @property
    def written_name(self) -> str:
        """What was written of registry and repository, without tag and digest."""
        name = self.written.partition("@")[0]
        return name[: -len(self.tag) - 1] if self.tag else name

    def pinned(self, digest: Digest) -> str:
        """Give `repository@digest` with registry and repository as they were written."""
        return f"{self.written_name}@{digest}"

    def without_digest(self) -> ImageReference:
        """Give the same reference by its tag alone."""
        return self if self.digest is None else self._replace(digest=None, written=self.written.partition("@")[0])

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


def _broken_rule(text: str) -> InvalidReferenceError:
    """Find the rule that a text breaks, the one that tells most first."""
    if broken := _as_a_whole(text) or _by_character(text):
        return broken
    name, at, digest = text.partition("@")
    slash = name.find("/")
    named = slash > 0 and _is_registry(name[:slash])
    if named and not _HOST.fullmatch(name[:slash]):
        host = name[:slash] if slash <= _SHOWN_HOST else name[:_SHOWN_HOST] + "…"
        rule = f"{host!r} is no host name with an optional port"
        return InvalidReferenceError(text, rule, 0, "Check the registry's host")
    start = slash + 1 if named else 0
    path, colon, tag = name[start:].partition(":")
    if len(path) > _MAX_PATH or not _PATH.fullmatch(path):
        return _bad_path(text, path, start)
    if colon and not _TAG.fullmatch(tag):
        return _bad_tag(text, tag, start + len(path) + 1)
    try:
        Digest(digest if at else "")
    except InvalidReferenceError as error:
        return InvalidReferenceError(text, error.rule, len(name) + 1, error.help)
    return InvalidReferenceError(text, "it breaks the grammar of references", 0, "Write registry/repository:tag")


def _as_a_whole(text: str) -> InvalidReferenceError | None:
    if not text:
        return InvalidReferenceError(
            text, "it is empty", 0, "Write repository:tag, and look whether a parameter is empty"
        )
    if scheme := _SCHEME.match(text):
        help = f"Leave {scheme[0]!r} away: registry/repository:tag is all"
        return InvalidReferenceError(text, "it begins like a URL", 0, help)
    if text.startswith("sha256:"):
        return InvalidReferenceError(text, "it is a digest without a repository", 0, "Write repository@sha256:…")
    if _IS_DIGEST_ALONE.fullmatch(text):
        return InvalidReferenceError(
            text, "64 hexadecimal digits are an image id", 0, "Write repository@sha256:… instead"
        )
    return None


def _by_character(text: str) -> InvalidReferenceError | None:
    for position, character in enumerate(text):
        if character.isspace() or not character.isprintable():
            return InvalidReferenceError(text, "it contains white space", position, "Remove it")
        if character in "\"'`{}<>$":
            rule = f"{character!r} cannot stand in a reference"
            help = "Look for a placeholder that was never filled in, or a quote too many"
            return InvalidReferenceError(text, rule, position, help)
    return None


def _bad_path(text: str, path: str, start: int) -> InvalidReferenceError:
    help = "Write registry/repository:tag"
    if len(path) > _MAX_PATH:
        return InvalidReferenceError(text, f"a repository has at most {_MAX_PATH} characters", start + _MAX_PATH, help)
    for offset, character in enumerate(path):
        if character.isupper():
            return InvalidReferenceError(text, "a repository is written in lower case", start + offset, help)
    good = _PATH.match(path)
    offset = good.end() if good else 0
    if offset >= len(path):
        return InvalidReferenceError(text, "the repository's name is missing", start + offset, help)
    rule = "a repository is letters and digits, parted by '/', '.', '_', '__' or dashes"
    return InvalidReferenceError(text, rule, start + offset, help)


def _bad_tag(text: str, tag: str, start: int) -> InvalidReferenceError:
    if not tag:
        return InvalidReferenceError(
            text, "nothing stands behind the colon", start, "Write a tag, or leave the colon away"
        )
    if is_digest(tag):
        help = f"Write {cut(text[: start - 1], _SHOWN_NAME)}@{tag}"
        return InvalidReferenceError(text, "a digest stands behind '@', not behind ':'", start, help)
    if "/" in tag:
        help = "Write host:port/repository:tag, with a host"
        return InvalidReferenceError(text, "a registry with a port comes first", start, help)
    good = _TAG.match(tag)
    rule = "a tag is up to 128 letters, digits, '_', '.' and '-' and begins with none of the last two"
    return InvalidReferenceError(text, rule, start + (good.end() if good else 0), "Write repository:tag")
