"""Define all exceptions that are raised on purpose; each carries a cause and help.

    ImagePinnerError
      TemplateError              the template or another input is wrong
        InvalidReferenceError    a string is not a valid image reference
        InvalidPathError         a JSONPath expression cannot be followed
        InvalidOptionError       an option is unknown or has an invalid value
          InvalidMarkerError     a marker has no image, or is not written as one
        UnreadableTemplateError  a file or an event is not a template
        TooManyLookupsError      a template needs more lookups than the configuration allows
      ConfigurationError         the platform configuration cannot be used
      SourceError                a request to a registry or an AWS service failed

A problem of one image in a template is not an exception but a `Problem` (`core.template.problems`), so that all of
them can be reported at once.
"""

from __future__ import annotations

from typing import ClassVar


class ImagePinnerError(Exception):
    """An error that is raised on purpose.

    Args:
        cause: What failed and why: a clause without a period at its end.
        help: What to do: an imperative clause without a period at its end; empty where the cause makes it obvious.
    """

    def __init__(self, cause: str, help: str = "") -> None:
        self.cause, self.help = cut(cause, MAX_CAUSE), cut(help, MAX_CAUSE)
        super().__init__(self.cause)

    def diagnostics(self) -> str:
        """Return cause and help on a single line."""
        return join_help(self.cause, self.help)


def join_help(cause: str, help: str) -> str:
    """Return `cause; help: …`, or the cause without help, for a message of a single line."""
    return f"{cause}; help: {help}" if help else cause


class TemplateError(ImagePinnerError):
    """The template or another input is wrong; trying again fails in the same way."""

    slug: ClassVar[str] = "unresolved-image"
    """The rule of `check` that reports it; see `core.rules`."""


class InvalidReferenceError(TemplateError):
    """A string is not a valid image reference.

    Args:
        written: The string.
        rule: The rule that it breaks, as a clause.
        position: Where it breaks the rule, in characters from 0.
        help: What to write instead.
    """

    slug = "invalid-reference"

    def __init__(self, written: str, rule: str, position: int, help: str = "") -> None:
        shown = cut(written, _MAX_SHOWN)
        super().__init__(f"{shown!r} is not a valid image reference: {rule} (at character {position + 1})", help)
        self.written = written
        self.rule = rule
        self.position = position


MAX_CAUSE = 2_000
"""The maximum characters of a cause and a help. They can contain names of a template, and ten thousand images can fail
because of the same name."""
_MAX_SHOWN = 300  # characters of an invalid reference that a message repeats: more than a valid one has


HIDDEN = "[hidden]"
"""What messages show in place of a text that may contain credentials."""


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, followed by `…` if there are more."""
    return text if len(text) <= limit else text[:limit] + "…"


class InvalidPathError(TemplateError):
    """A JSONPath expression cannot be parsed, or uses a feature that is not supported."""

    slug = "invalid-option"


class InvalidOptionError(TemplateError):
    """An option is unknown, or has an invalid value."""

    slug = "invalid-option"


class InvalidMarkerError(InvalidOptionError):
    """A marker has no image, or is not written as one."""

    slug = "invalid-marker"


class UnreadableTemplateError(TemplateError):
    """A file or an event is not a template; the cause names the line where there is one."""


class TooManyLookupsError(TemplateError):
    """A template needs more lookups than the configuration allows.

    Args:
        number: How many lookups are needed.
        limit: How many are allowed.
        noun: What they are, in the plural.
        variable: The environment variable of the limit.
    """

    def __init__(self, number: int, limit: int, noun: str, variable: str) -> None:
        super().__init__(
            f"the template needs lookups of {number} {noun}, and the configuration allows {limit}",
            f"split the template, or raise {variable} in the configuration",
        )


class ConfigurationError(ImagePinnerError):
    """The platform configuration cannot be used."""


class SourceError(ImagePinnerError):
    """A request to a registry or an AWS service failed, or its response cannot be trusted."""
