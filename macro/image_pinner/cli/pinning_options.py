"""The options for pinning templates that `pin`, `lock` and `update` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from image_pinner.cli.aws_configuration import configured_region
from image_pinner.cli.configuration.defaults import SettingOption
from image_pinner.cli.console import Dependencies, did_you_mean
from image_pinner.cli.inputs import (
    IMAGE_PATH_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OPTION,
    PARAMETER_OVERRIDES_OPTION,
    REGION_OPTION,
    TemplateFile,
    check_account,
    read_parameters,
    read_settings,
    read_template,
)
from image_pinner.cli.lazy_resolvers import lazy_resolvers
from image_pinner.core.advice import Advice
from image_pinner.core.deployed import ALL_STATE
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError, UnreadableTemplateError
from image_pinner.core.images.registries import Mirror, parse_registry
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import Answer, Known, Unknown
from image_pinner.core.lock import LockFile
from image_pinner.pinning import PinResult, Resolvers, pin_template, read_gates
from image_pinner.settings import Settings
from image_pinner.sources.interface import Deadline

if TYPE_CHECKING:
    from image_pinner.sources.credentials.interface import CredentialSource

Parsed = TypeVar("Parsed")

_OPTIONS = (
    PARAMETER_OPTION,
    PARAMETER_FILES_OPTION,
    PARAMETER_OVERRIDES_OPTION,
    REGION_OPTION,
    click.option(
        "--account",
        default="",
        metavar="ID",
        help="AWS account ID of the stack.  [default: that of the AWS credentials, if an image needs it]",
    ),
    click.option(
        "--pin",
        cls=SettingOption,
        type=click.Choice(["All", "Marked"]),
        help="Pin all images, or only the marked ones.",
    ),
    click.option("--stack-name", default="", metavar="NAME", help="Name of the stack, for AWS::StackName and Refresh."),
    IMAGE_PATH_OPTION,
    click.option(
        "--timeout",
        cls=SettingOption,
        type=click.FloatRange(1, 900),
        metavar="SECONDS",
        help="Time limit for all lookups together.",
    ),
    click.option(
        "--unsafe-implicit-latest",
        cls=SettingOption,
        is_flag=True,
        help="Use the tag latest for images without a tag, with a warning.",
    ),
    click.option(
        "--insecure-registry",
        "insecure_registries",
        cls=SettingOption,
        multiple=True,
        metavar="HOST",
        help="Access this registry over plain HTTP (repeatable).",
    ),
    click.option(
        "--mirror",
        "mirrors",
        cls=SettingOption,
        multiple=True,
        metavar="REGISTRY=MIRROR",
        help="Look up images of a registry in this mirror (repeatable).",
    ),
)


_LOCK_OPTIONS = (
    click.option(
        "--lock",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take all digests from this lock file, without requests to registries.",
    ),
    click.option(
        "--map",
        "mappings",
        multiple=True,
        metavar="SOURCE=TARGET",
        help="With --lock: use entries of the registry SOURCE for images of TARGET; each can have a path (repeatable).",
    ),
    click.option(
        "--no-verify",
        is_flag=True,
        help="With --map: do not check that the digests exist in the registries that images are promoted to.",
    ),
)


def lock_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of lock files to a subcommand; `PinningInputs.read` takes their values."""
    return reduce(lambda function, option: option(function), reversed(_LOCK_OPTIONS), command)


def pinning_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a subcommand; `PinningInputs.read` takes their values."""
    return reduce(lambda function, option: option(function), reversed(_OPTIONS), command)


class StackAccount:
    """The account of the stack: a given ID, or else what `request` returns, which is called once and only if needed."""

    def __init__(self, given: str, request: Callable[[], str]) -> None:
        self.find = cache(partial(self._find, given, request))
        """Returns the ID, or why it is not known."""
        self.found = ""
        """The ID that `request` returned, or empty."""

    def _find(self, given: str, request: Callable[[], str]) -> Answer:
        try:
            self.found = "" if given else request()
        except ImagePinnerError as error:
            cause = f"the AWS account ID is unknown: {error.cause}"
            is_lookup = isinstance(error, SourceError)
            return Unknown(cause, error.help, missing=True, failed_lookup=is_lookup)
        return Known(given or self.found)

    def describe(self) -> str:
        """Return a line on the ID if it was found, else an empty string."""
        return f"AWS::AccountId is {self.found}, the account of the AWS credentials." if self.found else ""


class PinningInputs(NamedTuple):
    """How to pin templates, from the options and the environment.

    Args:
        settings: The settings.
        values: The values of the templates' parameters.
        find_region: Returns the region of the stack, or empty.
        account: The account of the stack.
        stack_name: The name of the stack, or empty.
        pin_option: What takes precedence over `Pin` in the templates' Transform, or empty.
        resolvers: Where digests and values come from.
    """

    settings: Settings
    values: Mapping[str, Any]
    find_region: Callable[[], str]
    account: StackAccount
    stack_name: str
    pin_option: str
    resolvers: Resolvers

    @classmethod
    def read(cls, options: Mapping[str, Any], dependencies: Dependencies) -> PinningInputs:
        """Read the values of the options, by their names above.

        Raises:
            ConfigurationError: An option, or a variable of the environment, is not valid.
            UnreadableTemplateError: A parameter file cannot be read.
            SourceError: The SSM parameter with the gates cannot be read.
        """
        account = check_account(options["account"])
        settings = _settings(options)
        find_region = partial(str, options["region"]) if options["region"] else cache(configured_region)
        resolvers = lazy_resolvers(lambda: make_resolvers(dependencies, settings, find_region()))
        return cls(
            read_gates(settings, resolvers.gates, Deadline.after(settings.timeout)),
            read_parameters(options["files"], options["pairs"], options["overrides"]),
            find_region,
            StackAccount(account, partial(find_account, dependencies, find_region)),
            options["stack_name"],
            options["pin"] or "",
            resolvers._replace(lock=_read_lock(options)),
        )

    def read_template(self, name: str) -> TemplateFile:
        """Read a template file. See `inputs.read_template`."""
        return read_template(name, self.settings.macro_name, self.pin_option)

    def check_values(self, templates: Sequence[TemplateFile]) -> None:
        """Check that each parameter that has a value is declared by one of the templates.

        Raises:
            UnreadableTemplateError: No template declares it.
        """
        declared = list(dict.fromkeys(name for template in templates for name in template.scope({}).parameters))
        given = (name for name, value in self.values.items() if value is not None)
        for name in sorted(set(given) - set(declared)):
            where = f"{templates[0].document.name} declares no" if len(templates) == 1 else "no template declares a"
            raise UnreadableTemplateError(
                f"{where} parameter {name!r}{did_you_mean(name, declared)}",
                f"omit it, or pass one of {', '.join(declared)}" if declared else "omit it",
            )

    def scope(self, template: TemplateFile) -> Scope:
        """Return the scope of a template's expressions. See `TemplateFile.scope`."""
        return template.scope(self.values, self.find_region, self.account.find, self.stack_name)

    def pin(self, template: TemplateFile, templates: Sequence[TemplateFile] = ()) -> PinResult:
        """Pin a template, one of the `templates` that the values are for. See `check_values` and `pin_template`."""
        self.check_values(templates or [template])
        return pin_template(
            template.fragment,
            self.scope(template),
            self.settings,
            lambda _: self.resolvers,
            Deadline.after(self.settings.timeout),
        )


def find_account(dependencies: Dependencies, find_region: Callable[[], str]) -> str:
    """Return the account ID of the AWS credentials.

    Raises:
        ConfigurationError: The region is unknown.
        SourceError: The AWS configuration is not valid, or the request to AWS failed.
    """
    # Imported here because few templates need it.
    from image_pinner.cli.deployment.aws import AwsApi  # noqa: PLC0415
    from image_pinner.cli.deployment_options import find_environment  # noqa: PLC0415

    try:
        if region := find_region():
            return AwsApi(find_environment(dependencies, "").clients).identify(region).account
    except ImagePinnerError as error:
        raise SourceError(error.cause, f"{Advice.ACCOUNT}, or {error.help}") from error
    raise ConfigurationError("its lookup requires a region", f"{Advice.ACCOUNT}, or {Advice.REGION}")


def make_resolvers(dependencies: Dependencies, settings: Settings, region: str) -> Resolvers:
    """Return the resolvers of the dependencies, or else those that access registries and AWS."""
    if dependencies.resolver_factory:
        return dependencies.resolver_factory(settings, region)
    from image_pinner.assembly import AwsResolvers  # noqa: PLC0415 - not needed with dependencies, or with a lock file

    return AwsResolvers(os.environ, find_local=_local_credentials)(settings, region)


def _local_credentials() -> Sequence[CredentialSource]:
    # Imported here because images in ECR need none.
    from image_pinner.cli.credentials.local_files import local_credentials  # noqa: PLC0415

    return local_credentials(os.environ, Path.home())


def _read_lock(options: Mapping[str, Any]) -> LockFile | None:
    """Read the file of `--lock`, if the subcommand has the option and it is set."""
    path = options.get("lock")
    if not path:
        for name, is_set in (("--map", options.get("mappings")), ("--no-verify", options.get("no_verify"))):
            if is_set:
                raise ConfigurationError(f"{name} requires --lock", f"pass --lock FILE, or omit {name}")
        return None
    from image_pinner.cli.lock_files import read_lock_file  # noqa: PLC0415 - most runs read none
    from image_pinner.core.lock_text import parse_mapping  # noqa: PLC0415 - the same

    lock = read_lock_file(path)
    registries = dict(_parse_values("--map", parse_mapping, options["mappings"]))
    return replace(lock, registries={**lock.registries, **registries}, verify=not options["no_verify"])


def _settings(options: Mapping[str, Any]) -> Settings:
    settings = read_settings(options["image_paths"])
    insecure = _parse_values("--insecure-registry", parse_registry, options["insecure_registries"])
    return settings._replace(
        insecure_registries=(*settings.insecure_registries, *insecure),
        # The first mirror of a registry counts, and options take precedence over the environment.
        mirrors=(*_parse_values("--mirror", Mirror.parse, options["mirrors"]), *settings.mirrors),
        unsafe_implicit_latest=settings.unsafe_implicit_latest or options["unsafe_implicit_latest"],
        timeout=options["timeout"] or settings.timeout,
        # The caller can read with their own credentials what they are allowed to.
        state_scope=settings.state_scope or ALL_STATE,
    )


def _parse_values(option: str, parse: Callable[[str], Parsed], values: Iterable[str]) -> tuple[Parsed, ...]:
    try:
        return tuple(map(parse, values))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
