"""Image references, `[registry/]repository[:tag][@digest]`, and digests.

The grammar is that of https://github.com/distribution/reference (reference.go and normalize.go): the component before
the first slash is a registry if it has a dot, a colon or an upper-case letter, or is `localhost`; without a registry,
the image is on Docker Hub, where a name of one component is in `library/`. With both a tag and a digest, the digest
identifies the image and the tag is informational.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from image_pinner.core.errors import InvalidReferenceError, cut

# ECS accepts sha256 with exactly 64 lower-case hexadecimal digits and nothing else:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Return whether a text is a digest that images can be pinned to."""
    return _SHA256.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest such as `sha256:9f86d0…`, always sha256 with 64 lower-case hexadecimal digits.

    https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
    """

    text: str

    def __post_init__(self) -> None:
        """Raise `InvalidReferenceError` if the text is not such a digest."""
        if not is_digest(self.text):
            rule = "a digest is 'sha256:' and 64 lower-case hexadecimal digits"
            raise InvalidReferenceError(self.text, rule, 0, "copy the digest from the registry unchanged")

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """Return the digest of a manifest's or config's bytes."""
        import hashlib  # noqa: PLC0415 - loads OpenSSL, which offline commands do not need

        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}")


DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"
_DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io"})

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"\w[\w.-]{0,127}"
# One expression for a whole reference. A first component is a registry exactly if it looks like one; the possessive
# `+` in the lookahead prevents catastrophic backtracking.
_LIKE_A_REGISTRY = r"(?=[^/@]*+/)(?:localhost/|[^/@.:A-Z]*+[.:A-Z])"
_REFERENCE = re.compile(
    rf"(?:(?={_LIKE_A_REGISTRY})({_HOST})/|(?!{_LIKE_A_REGISTRY}))"
    rf"({_PATH})(?::({_TAG}))?(?:@(sha256:[0-9a-f]{{64}}))?",
    re.ASCII,
)
_BARE_DIGEST = re.compile(r"(?:sha256:)?[a-f0-9]{64}", re.ASCII)
_BARE_DIGEST_LENGTHS = (64, len("sha256:") + 64)
_SCHEME = r"[a-z0-9+.-]{1,40}://"
_MAX_PATH = 255
_LIBRARY = "library/"  # Docker Hub's prefix of names with one component
_MAX_SHORT = _MAX_PATH - len(_LIBRARY)
_MAX_SHOWN_NAME = 300  # characters of registry and repository in a help; no valid ones are longer
_MAX_SHOWN_HOST = 100  # characters of an invalid host that a message repeats
_WRITE_REFERENCE = "write registry/repository:tag"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A parsed reference.

    Args:
        registry: The canonical host, with its port if one is written; `docker.io` by default.
        repository: The repository's path in the registry, with Docker Hub's `library/` where it is implied.
        tag: The tag, or empty.
        digest: The digest, or `None`.
        written: The text as written; ignored in comparisons.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None
    written: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Parse a reference without white space around it.

        Raises:
            InvalidReferenceError: The text is not a reference; the error names the rule it breaks and the position.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise _explain(text)
        registry, path, tag, digest = match.groups()
        if len(path) > _MAX_PATH or (len(text) in _BARE_DIGEST_LENGTHS and _BARE_DIGEST.fullmatch(text)):
            raise _explain(text)
        if registry is None or registry.lower() in _DOCKER_HUB_NAMES:
            registry = DOCKER_HUB
            path = path if "/" in path else f"{_LIBRARY}{path}"
            if len(path) > _MAX_PATH:
                rule = f"a repository has at most {_MAX_PATH} characters, including the implied {_LIBRARY!r}"
                raise InvalidReferenceError(text, rule, len(text), f"use a name of at most {_MAX_SHORT} characters")
        return cls(registry, path, tag or "", Digest(digest) if digest else None, text)

    @property
    def written_name(self) -> str:
        """Registry and repository as written, without tag and digest."""
        name = self.written.partition("@")[0]
        return name[: -len(self.tag) - 1] if self.tag else name

    @property
    def manifest(self) -> str:
        """What identifies the manifest in its repository: the digest, or else the tag, `latest` by default."""
        return str(self.digest or self.tag or DEFAULT_TAG)

    def pinned(self, digest: Digest) -> str:
        """Return `repository@digest` with registry and repository as written."""
        return f"{self.written_name}@{digest}"

    def without_digest(self) -> ImageReference:
        """Return the same reference without its digest."""
        if self.digest is None:
            return self
        return ImageReference(self.registry, self.repository, self.tag, None, self.written.partition("@")[0])

    def canonical(self) -> ImageReference:
        """Return the same reference, written in full."""
        full = self._full()
        if self.written == full:
            return self
        return ImageReference(self.registry, self.repository, self.tag, self.digest, full)

    def _full(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    def __str__(self) -> str:
        return self.written or self._full()


def explain_missing_tag(reference: ImageReference) -> tuple[str, str] | None:
    """Explain that a reference has neither a tag nor a digest, and what to do, as two clauses; `None` if it has one.

    `nginx` alone means `nginx:latest`, which is rarely a deliberate choice.
    """
    if reference.tag or reference.digest:
        return None
    return (
        f"image {str(reference)!r} has no tag or digest",
        f"write {reference}:{DEFAULT_TAG} if that is what you mean",
    )


def _is_registry(component: str) -> bool:
    return component == "localhost" or "." in component or ":" in component or component.lower() != component


def _explain(text: str) -> InvalidReferenceError:
    """Find the rule that a text breaks, the most specific one first."""
    if error := _check_whole(text) or _check_characters(text):
        return error
    name, at, digest = text.partition("@")
    slash = name.find("/")
    has_registry = slash > 0 and _is_registry(name[:slash])
    if has_registry and not re.fullmatch(_HOST, name[:slash], re.ASCII):
        rule = f"{cut(name[:slash], _MAX_SHOWN_HOST)!r} is not a valid host with an optional port"
        return InvalidReferenceError(text, rule, 0, "correct the registry's host")
    start = slash + 1 if has_registry else 0
    path, colon, tag = name[start:].partition(":")
    if len(path) > _MAX_PATH or not re.fullmatch(_PATH, path, re.ASCII):
        return _explain_path(text, path, start)
    if colon and not re.fullmatch(_TAG, tag, re.ASCII):
        return _explain_tag(text, tag, start + len(path) + 1)
    try:
        Digest(digest if at else "")
    except InvalidReferenceError as error:
        return InvalidReferenceError(text, error.rule, len(name) + 1, error.help)
    return InvalidReferenceError(text, "it does not match the grammar of references", 0, _WRITE_REFERENCE)


def _check_whole(text: str) -> InvalidReferenceError | None:
    if not text:
        return InvalidReferenceError(text, "it is empty", 0, "write repository:tag, or check for an empty parameter")
    if scheme := re.match(_SCHEME, text, re.ASCII):
        return InvalidReferenceError(text, "it is a URL", 0, f"remove {scheme[0]!r} and {_WRITE_REFERENCE}")
    if text.startswith("sha256:"):
        return InvalidReferenceError(text, "it is a digest without a repository", 0, "write repository@sha256:…")
    if _BARE_DIGEST.fullmatch(text):
        return InvalidReferenceError(text, "64 hexadecimal digits are an image ID", 0, "write repository@sha256:…")
    return None


def _check_characters(text: str) -> InvalidReferenceError | None:
    for position, character in enumerate(text):
        if character.isspace() or not character.isprintable():
            return InvalidReferenceError(text, "it contains white space", position, "remove it")
        if character in "\"'`{}<>$":
            rule = f"{character!r} is not allowed in a reference"
            return InvalidReferenceError(text, rule, position, "check for an unreplaced placeholder or an extra quote")
    return None


def _explain_path(text: str, path: str, start: int) -> InvalidReferenceError:
    match = re.match(_PATH, path, re.ASCII)
    offset = match.end() if match else 0
    upper = next((position for position, character in enumerate(path) if character.isupper()), -1)
    if len(path) > _MAX_PATH:
        rule, offset = f"a repository has at most {_MAX_PATH} characters", _MAX_PATH
    elif upper >= 0:
        rule, offset = "a repository must be lower case", upper
    elif offset >= len(path):
        rule = "the repository's name is missing"
    else:
        rule = "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes"
    return InvalidReferenceError(text, rule, start + offset, _WRITE_REFERENCE)


def _explain_tag(text: str, tag: str, start: int) -> InvalidReferenceError:
    if not tag:
        return InvalidReferenceError(text, "the tag after ':' is missing", start, "write a tag, or remove the colon")
    if is_digest(tag):
        help = f"write {cut(text[: start - 1], _MAX_SHOWN_NAME)}@{tag}"
        return InvalidReferenceError(text, "a digest follows '@', not ':'", start, help)
    if "/" in tag:
        help = "write host:port/repository:tag"
        return InvalidReferenceError(text, "a port must follow a registry's host", start, help)
    match = re.match(_TAG, tag, re.ASCII)
    rule = "a tag is up to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'"
    return InvalidReferenceError(text, rule, start + (match.end() if match else 0), "write repository:tag")
