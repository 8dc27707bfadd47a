"""Settings: what the operator may configure, and from where.

In the Lambda they are environment variables, in the command options of the same names; a template may tighten what is
set here, never loosen it (`core.template.tightening.loosened`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.policies.interface import Policy
from image_pinner.core.template.image_paths import parse_image_path
from image_pinner.core.template.image_sites import Rules
from image_pinner.core.template.options import Options, read_options

PREFIX = "IMAGE_PINNER_"


class Settings(NamedTuple):
    """What the operator has configured.

    Args:
        macro_name: The name under which the macro is installed.
        options: Options for all templates; where they are strict, templates cannot loosen them.
        image_paths: JSONPath expressions from the template's root, for images in places of the operator's own.
        unsafe_implicit_latest: Whether a reference without tag and digest is taken as `latest`.
        timeout: The most seconds for all questions together; the Lambda's remaining time can make it less.
        workers: How many requests are under way at once.
    """

    macro_name: str = "ImagePinner"
    options: Options = Options()
    image_paths: tuple[str, ...] = ()
    unsafe_implicit_latest: bool = False
    timeout: float = 60.0
    workers: int = 16

    @property
    def rules(self) -> Rules:
        """What bears on finding images."""
        return Rules(self.macro_name, self.options, self.image_paths)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The rules that images must keep."""
        return (ExplicitTag(self.unsafe_implicit_latest),)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Args:
            environment: The variables; only those that begin with `IMAGE_PINNER_` are looked at, and an empty one is
                one that is not set.

        Returns:
            The settings.

        Raises:
            ConfigurationError: A variable is unknown or has a wrong value.
        """
        settings = cls()
        options: list[tuple[str, Any]] = []
        for name in sorted(environment):
            if not name.startswith(PREFIX):
                continue
            rule = _BY_VARIABLE.get(name)
            if rule is None:
                known = ", ".join(_BY_VARIABLE)
                raise ConfigurationError(f"{name} is no setting", f"The settings are {known}")
            text = environment[name].strip()
            if not text:
                continue  # how a deployment's template says that a variable is not set
            value = _value(rule, name, text)
            if rule.option:
                options.append((rule.option, value))
            else:
                settings = settings._replace(**{rule.field: value})
        return settings._replace(options=_options(options))


class SettingRule(NamedTuple):
    """What a setting takes.

    Args:
        variable: The environment variable.
        values: The values for a table, the default first.
        meaning: A sentence for a table.
        field: The field of `Settings`, or empty for an option.
        option: The option that it sets for all templates, or empty.
        read: Reads the variable's text.
    """

    variable: str
    values: str
    meaning: str
    field: str = ""
    option: str = ""
    read: Callable[[str], Any] = str


def _truth(text: str) -> bool:
    known = {"true": True, "false": False}
    if text.lower() not in known:
        raise ValueError("Write true or false")
    return known[text.lower()]


def _paths(text: str) -> tuple[str, ...]:
    paths = tuple(line.strip() for line in text.replace(";", "\n").splitlines() if line.strip())
    for path in paths:
        parse_image_path(path)
    return paths


def _seconds(text: str) -> float:
    seconds = float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text, re.ASCII) else 0
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
        raise ValueError(f"Write {_LEAST_SECONDS} to {_MOST_SECONDS} seconds")
    return seconds


def _count(text: str) -> int:
    count = int(text) if re.fullmatch("[0-9]{1,9}", text, re.ASCII) else 0
    if not 1 <= count <= _MOST_WORKERS:
        raise ValueError(f"Write 1 to {_MOST_WORKERS}")
    return count


def _pin(text: str) -> str | list[str]:
    return [name.strip() for name in text.split(",")] if "," in text else text


# The longest that a Lambda function can run: https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
_LEAST_SECONDS, _MOST_SECONDS = 1, 900
_MOST_WORKERS = 64

SETTING_RULES = (
    SettingRule("IMAGE_PINNER_MACRO_NAME", "`ImagePinner`", "The name under which the macro is installed; snippets are known by it.", field="macro_name"),
    SettingRule("IMAGE_PINNER_PIN", "`Marked`, `All`", "`Pin` for all templates; a template cannot loosen `All`.", option="Pin", read=_pin),
    SettingRule("IMAGE_PINNER_PLATFORM", "derived, `os/arch[/variant]`, `Any`", "`Platform` for all templates; a template cannot choose another.", option="Platform"),
    SettingRule("IMAGE_PINNER_WHEN_MISSING", "unset, `Fail`, `KeepTag`", "`WhenMissing` for all templates; where it is set to `Fail`, a template cannot say `KeepTag`.", option="WhenMissing"),
    SettingRule("IMAGE_PINNER_RECORD", "`Label`, `Metadata`, `None`", "`Record` for all templates.", option="Record"),
    SettingRule("IMAGE_PINNER_IMAGE_PATHS", "none", "JSONPath expressions from the template's root for images in places of your own, parted by `;`.", field="image_paths", read=_paths),
    SettingRule("IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST", "`false`, `true`", "Takes a reference without tag and digest as `latest`, with a warning each.", field="unsafe_implicit_latest", read=_truth),
    SettingRule("IMAGE_PINNER_TIMEOUT", "`60`", "The most seconds for all questions together.", field="timeout", read=_seconds),
    SettingRule("IMAGE_PINNER_WORKERS", "`16`", "How many requests are under way at once.", field="workers", read=_count),
)  # fmt: skip
"""Every setting there is."""

_BY_VARIABLE = {rule.variable: rule for rule in SETTING_RULES}


def _value(rule: SettingRule, name: str, text: str) -> Any:
    try:
        return rule.read(text)
    except ImagePinnerError as error:
        raise ConfigurationError(f"{name} cannot be {text!r}: {error.cause}", error.remedy) from None
    except ValueError as error:
        raise ConfigurationError(f"{name} cannot be {text!r}", str(error)) from None


def _options(pairs: list[tuple[str, Any]]) -> Options:
    try:
        return read_options(pairs, of_image=False)
    except ImagePinnerError as error:
        raise ConfigurationError(f"in the environment, {error.cause}", error.remedy) from None
