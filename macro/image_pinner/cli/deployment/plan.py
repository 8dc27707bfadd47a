"""What an install will do in a region: files, parameters and settings of buckets, as far as they are known before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from image_pinner.cli.deployment.aws import AwsApi, AwsApiError, Identity
from image_pinner.cli.deployment.bucket import (
    Bucket,
    BucketObject,
    bucket_stem,
    find_bucket,
    find_uploaded_version,
    list_missing_protections,
)
from image_pinner.cli.deployment.change_sets import ChangeSetRequest
from image_pinner.cli.deployment.code import PREFIX, Code
from image_pinner.cli.deployment.organization import StackInstance, find_organization, list_stack_instances
from image_pinner.cli.deployment.parameters import (
    ParameterValue,
    Template,
    compute_revision,
    resolve_parameters,
    to_request,
)
from image_pinner.cli.deployment.session import DeploymentSession
from image_pinner.cli.deployment.stacks import Stack, find_macro_owner
from image_pinner.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """What to install, and how.

    With `organization`, the template of the organization, that template is deployed and `macro` is what its stack set
    installs in each account. `protected` sets the termination protection; `None` turns it on for a new stack and leaves
    others as they are. `must_exist` makes it an upgrade. `replace_failed` deletes a stack first that can only be
    deleted.
    """

    code: Code
    macro: Template
    stack_name: str
    organization: Template | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    role_arn: str = ""
    protected: bool | None = None
    must_exist: bool = False
    replace_failed: bool = False
    dry_run: bool = False

    @property
    def template(self) -> Template:
        """The template that is deployed."""
        return self.organization or self.macro


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for a bucket; `version` is that of its object, empty without versioning, and None if it is missing."""

    bucket: Bucket
    file: BucketObject
    version: str | None


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """What to do in a region, as far as it is known before a change set exists."""

    region: str
    stack: Stack | None
    uploads: tuple[Upload, ...]
    values: tuple[ParameterValue, ...]
    organization_id: str = ""
    not_current: tuple[StackInstance, ...] = ()

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The buckets, each once."""
        return tuple(dict.fromkeys(one.bucket for one in self.uploads))


def plan_account(
    session: DeploymentSession, region: str, owner: Identity, request: InstallRequest, stack: Stack | None
) -> InstallPlan:
    """Plan a stack. The version of an object that is not uploaded yet is not known before; see `with_code_version`."""
    bucket = find_bucket(session.api, owner, region, request.bucket)
    (code,) = _find_uploads(session.api, [bucket], [_code_file(request.code)])
    own = {"CodeBucket": bucket.name, "CodeBucketPerRegion": "false", "CodeObjectVersion": code.version or ""}
    values = _resolve_values(request, stack, own)
    _check_macro_name(session, region, values, stack)
    return InstallPlan(region, stack, (code,), values)


def with_code_version(plan: InstallPlan, version: str) -> InstallPlan:
    """Return the plan with the version of the object that was uploaded."""
    values = (replace(one, value=version) if one.name == "CodeObjectVersion" else one for one in plan.values)
    return replace(plan, values=tuple(values))


def plan_organization(
    session: DeploymentSession, region: str, owner: Identity, request: InstallRequest, stack: Stack | None
) -> InstallPlan:
    """Plan a stack set. Each region needs a bucket of its own, and the region of the stack the macro's template too."""
    api = session.api
    organization = find_organization(api, region, owner)
    instances = list_stack_instances(api, region, stack) if stack else ()
    not_current = tuple(one for one in instances if not one.is_current)
    template = _template_file(request)
    retry = str(int(session.now())) if not_current else (stack.parameters.get("Retry", "") if stack else "")
    own = {
        "CodeBucket": request.bucket or bucket_stem(owner),
        "TemplateKey": template.key,
        "CallAs": organization.call_as,
        "Retry": retry,
    }
    values = _resolve_values(request, stack, own, {} if stack else {"Regions": region})
    regions = next(one.value for one in values if one.name == "Regions").split(",")
    named = {one: f"{request.bucket}-{one}" if request.bucket else "" for one in (region, *regions)}
    buckets = [find_bucket(api, owner, one, name) for one, name in named.items()]
    uploads = (
        *_find_uploads(api, buckets, [_code_file(request.code)]),
        *_find_uploads(api, buckets[:1], [template]),
    )
    return InstallPlan(region, stack, uploads, values, organization.identifier, not_current)


def _resolve_values(
    request: InstallRequest, stack: Stack | None, own: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> tuple[ParameterValue, ...]:
    """Resolve the parameters, and the revision that follows from them."""
    declared = request.template.parameters
    given = {**(defaults or {}), **request.parameters}
    previous = stack.parameters if stack else {}
    own = {**own, "CodeKey": request.code.key, "CodeSha256": request.code.checksum, "Revision": ""}
    values = resolve_parameters(declared, given, previous, own)
    revision = compute_revision(request.code.sha256, request.macro, values)
    return resolve_parameters(declared, given, previous, {**own, "Revision": revision})


def _code_file(code: Code) -> BucketObject:
    return BucketObject(code.key, code.data, "application/zip")


def _template_file(request: InstallRequest) -> BucketObject:
    data = request.macro.text.encode()
    digest = hashlib.sha256(data).hexdigest()[:16]
    return BucketObject(f"{PREFIX}{request.code.version}/macro-{digest}.yaml", data, "application/yaml")


def _find_uploads(api: AwsApi, buckets: Iterable[Bucket], files: Iterable[BucketObject]) -> tuple[Upload, ...]:
    files = tuple(files)
    return tuple(Upload(bucket, file, find_uploaded_version(api, bucket, file)) for bucket in buckets for file in files)


def _check_macro_name(
    session: DeploymentSession, region: str, values: tuple[ParameterValue, ...], stack: Stack | None
) -> None:
    macro = next(one.value for one in values if one.name == "MacroName")
    try:
        owner = find_macro_owner(session.api, region, macro)
    except AwsApiError as error:
        # CloudFormation refuses a name that is in use anyway, only later.
        session.console.print(f"  cannot check whether macro name {macro} is in use: {error.cause}", "yellow")
        return
    if owner and (stack is None or owner != stack.identifier):
        name = owner.split("/")[1]
        raise ConfigurationError(
            f"macro name {macro} is in use in {region} by stack {name}",
            f"pass --macro-name with another name, or --stack-name {name} to change that stack",
        )


def show_plan(session: DeploymentSession, plan: InstallPlan) -> None:
    """Show buckets, files and parameters before the user confirms."""
    show = session.console.print
    for bucket in plan.buckets:
        show(f"  Bucket {bucket.name} ({'exists' if bucket.exists else 'will be created'})")
        _show_protection(session, bucket)
        if plan.organization_id and not bucket.managed:
            show(f"    its policy must allow the organization {plan.organization_id} to read it", "yellow")
    for file in dict.fromkeys(one.file for one in plan.uploads):
        missing = [one for one in plan.uploads if one.file == file and one.version is None]
        show(f"  File {file.key} ({f'{len(file.data):,} bytes to upload' if missing else 'already uploaded'})")
    for instance in plan.not_current:
        show(f"  Not current: {instance}", "yellow")
    for value in plan.values:
        if not value.is_default:
            show(f"  {value}")


def _show_protection(session: DeploymentSession, bucket: Bucket) -> None:
    """Show what an existing bucket lacks; the user may not be allowed to read the settings of a bucket of others."""
    if not bucket.exists:
        return
    try:
        names = ", ".join(one.name for one in list_missing_protections(session.api, bucket))
    except AwsApiError as error:
        if bucket.managed:
            raise
        session.console.print(f"    cannot check how it is protected: {error.cause}", "yellow")
        return
    if names and bucket.managed:
        session.console.print(f"    will be turned on: {names}", "yellow")
    elif names:
        session.console.print(f"    it lacks: {names}; --bucket leaves its settings as they are", "yellow")


def change_set_request(request: InstallRequest, plan: InstallPlan) -> ChangeSetRequest:
    """Return the change set of a plan."""
    tags = {**(plan.stack.tags if plan.stack else {}), **request.tags} if request.tags else {}
    return ChangeSetRequest(
        plan.region,
        request.stack_name,
        is_new=plan.stack is None,
        template=request.template,
        parameters=to_request(plan.values),
        tags=tags,
        role_arn=request.role_arn,
    )
