"""Settings: what the operator may configure, and from where.

In the Lambda they are environment variables, in the command options of the same names; a template may tighten what is
set here, never loosen it (`core.template.tightening.find_loosened_option`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.images.references import DOCKER_HUB
from image_pinner.core.images.registries import Mirror
from image_pinner.core.policies.explicit_tag import ExplicitTag
from image_pinner.core.policies.interface import Policy
from image_pinner.core.registry_config import RegistryRole
from image_pinner.core.template.options import Options, read_options
from image_pinner.core.template.sites import ScanSettings
from image_pinner.settings.rules import SETTING_RULES, SettingRule

if TYPE_CHECKING:
    from image_pinner.core.registry_config import AllowedSecret, CredentialLocation

PREFIX = "IMAGE_PINNER_"


class Settings(NamedTuple):
    """What the operator has configured.

    Args:
        macro_name: The name under which the macro is installed.
        options: Options for all templates; where they are strict, templates cannot loosen them.
        image_paths: JSONPath expressions from the template's root, for images in places of the operator's own.
        unsafe_implicit_latest: Whether a reference without tag and digest is taken as `latest`.
        credentials: Where the logins to registries are kept.
        template_credentials: Which secrets a template may name for which registries.
        ecr_roles: The roles to assume for the ECR registries of other accounts.
        pull_through: Whether ECR may import an image through a pull-through cache rule.
        mirrors: The registries that are asked in place of others.
        metered_registries: The registries that are asked by HEAD, whose header is believed.
        insecure_registries: The registries that are asked by plain http.
        ca_bundles: Files of further certificates to trust, by registry; `*` for all.
        timeout: The most seconds for all questions together; the Lambda's remaining time can make it less.
        host_timeout: The most seconds for one registry.
        workers: How many requests are under way at once.
        metrics_namespace: The namespace of the metrics in the log, or empty for none.
        event_bus: The name or the ARN of the event bus that is told of every pinned template, or empty for none.
    """

    macro_name: str = "ImagePinner"
    options: Options = Options()
    image_paths: tuple[str, ...] = ()
    unsafe_implicit_latest: bool = False
    credentials: tuple[CredentialLocation, ...] = ()
    template_credentials: tuple[AllowedSecret, ...] = ()
    ecr_roles: tuple[RegistryRole, ...] = ()
    pull_through: bool = False
    mirrors: tuple[Mirror, ...] = ()
    metered_registries: tuple[str, ...] = (DOCKER_HUB,)
    insecure_registries: tuple[str, ...] = ()
    ca_bundles: tuple[tuple[str, str], ...] = ()
    timeout: float = 60.0
    host_timeout: float = 30.0
    workers: int = 20
    metrics_namespace: str = "ImagePinner"
    event_bus: str = ""

    @property
    def scan_settings(self) -> ScanSettings:
        """What bears on finding images."""
        return ScanSettings(self.macro_name, self.options, self.image_paths)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that images are judged by."""
        return tuple(build(self) for build in POLICIES.values())

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


POLICIES: dict[str, Callable[[Settings], Policy]] = {
    ExplicitTag.id: lambda settings: ExplicitTag(settings.unsafe_implicit_latest),
}
"""How each policy is built from the settings, by `Policy.id`."""

_BY_VARIABLE = {rule.variable: rule for rule in SETTING_RULES}


def _value(rule: SettingRule, name: str, text: str) -> Any:
    cause = f"{name} cannot be {text!r}" if rule.shown else f"{name} cannot be read"
    try:
        return rule.read(text)
    except ImagePinnerError as error:
        raise ConfigurationError(f"{cause}: {error.cause}", error.help) from None
    except ValueError as error:
        raise ConfigurationError(cause, str(error)) from None


def _options(pairs: list[tuple[str, Any]]) -> Options:
    try:
        return read_options(pairs, of_image=False)
    except ImagePinnerError as error:
        raise ConfigurationError(f"in the environment, {error.cause}", error.help) from None
