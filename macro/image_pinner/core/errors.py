"""The tree of errors. Each carries a cause and a remedy, both for a person who is woken by it.

    ImagePinnerError
      TemplateError            your template, or what you handed over, is wrong
        InvalidReference       a text is no image reference
        InvalidPath            a JSONPath expression cannot be followed
        InvalidOption          an option is unknown, not available yet, or has a wrong value
        UnreadableTemplate     a file or an event is no template
      ConfigurationError       what the operator configured cannot be used
      SourceError              a registry or an AWS service could not be asked

What concerns one image in a template is no exception but a `Problem` (`core.template.problems`), so that all can be
told at once.
"""

from __future__ import annotations


class ImagePinnerError(Exception):
    """What this program raises on purpose.

    Args:
        cause: What is wrong, as a clause without a full stop at its end.
        help: What to do now, as a sentence without a full stop at its end; empty where the cause says it.
    """

    def __init__(self, cause: str, help: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.help = help

    def diagnostics(self) -> str:
        """Give cause and remedy as sentences."""
        return f"{self.cause}. {self.help}." if self.help else f"{self.cause}."


class TemplateError(ImagePinnerError):
    """Your template, or what you handed over, is wrong; asking again gives the same."""


class InvalidReferenceError(TemplateError):
    """A text is no image reference.

    Args:
        written: The text.
        rule: The rule it breaks, as a clause.
        position: Where in the text it breaks the rule, in characters from 0.
        help: What to write instead.
    """

    def __init__(self, written: str, rule: str, position: int, help: str = "") -> None:
        super().__init__(f"{cut(written, _SHOWN)!r} is no image reference: {rule} (at character {position + 1})", help)
        self.written = written
        self.rule = rule
        self.position = position


_SHOWN = 300  # characters of a bad reference that a message repeats: longer than any valid one with a digest


def cut(text: str, limit: int) -> str:
    """Give a text as a message may repeat it: a person at a terminal reads no 10,000 characters.

    Args:
        text: The text.
        limit: How many characters are repeated.
    """
    return text if len(text) <= limit else text[:limit] + "…"


class InvalidPathError(TemplateError):
    """A JSONPath expression cannot be parsed, or asks for something that is not followed."""


class InvalidOptionError(TemplateError):
    """An option is unknown, not available yet, or has a value that it does not take."""


class UnreadableTemplateError(TemplateError):
    """A file or an event is no template; the cause names the line where there is one."""


class ConfigurationError(ImagePinnerError):
    """What the operator configured cannot be used."""


class SourceError(ImagePinnerError):
    """A registry or an AWS service could not be asked, or gave an answer that cannot be believed."""
