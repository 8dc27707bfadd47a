"""Process a template with CloudFormation, all its macros included.

CloudFormation processes a template when it creates a change set. Ours is never executed, and always removed:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from image_pinner.cli.deployment.aws import AwsApiError
from image_pinner.cli.deployment.bucket import Bucket, BucketObject, upload
from image_pinner.cli.deployment.change_sets import (
    ChangeSet,
    ChangeSetRequest,
    has_no_changes,
    to_api,
    wait_for_changes,
)
from image_pinner.cli.deployment.code import PREFIX
from image_pinner.cli.deployment.parameters import MAX_TEMPLATE_BYTES, Template
from image_pinner.cli.deployment.session import DeploymentSession
from image_pinner.cli.deployment.stacks import IN_REVIEW, Stack, find_stack, is_not_found
from image_pinner.cli.interruption import uninterrupted
from image_pinner.core.errors import ConfigurationError, ImagePinnerError, SourceError
from image_pinner.core.images.ecr import partition_of
from image_pinner.sources.aws.errors import cleaned

MAX_UPLOADED_BYTES = 1024 * 1024
"""The size limit of a template in S3:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_ATTEMPTS = 3
# CloudFormation's own hooks before a deployment refuse a valid change set now and then.
_EARLY_VALIDATION = "AWS::EarlyValidation::"
_CLEANUP_SECONDS = 60.0
_POLL_SECONDS = 2.0
# While CloudFormation computes its changes, a change set cannot be deleted.
_STILL_COMPUTING = "InvalidChangeSetStatus"
# Without a response, the request can have succeeded. Names are random, so that an existing one is from our first try.
_MAY_BE_CREATED = {"", "AlreadyExistsException", "InternalFailure", "InternalError", "ServiceUnavailable"}
T = TypeVar("T")
_GONE = "ChangeSetNotFound"
# The status of a stack can change if a macro fails in its first change set.
_NEVER_CREATED = "CREATE_FAILED"


@dataclass(frozen=True, slots=True)
class ExpandRequest:
    """A template to process.

    Args:
        request: The change set, without its parameters.
        values: The values of parameters that are set.
        bucket: The bucket for a template that is too long for a request, or empty.
        timeout: How long CloudFormation may take, in seconds.
    """

    request: ChangeSetRequest
    values: dict[str, str]
    bucket: str = ""
    timeout: float = 600.0


class ExpandedTemplate(Template):
    """A template whose change set acknowledges every capability: nothing is created by it."""

    @property
    def capabilities(self) -> list[str]:
        """See `Template`."""
        return ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def expand(session: DeploymentSession, wanted: ExpandRequest) -> Any:
    """Return the processed template as GetTemplate has it: an object if it is JSON, or else a text.

    Raises:
        ConfigurationError: A parameter has no value, or the template is too long.
        SourceError: CloudFormation refused the template, or did not respond.
    """
    request = wanted.request
    data = request.template.text.encode()
    _check_size(len(data), wanted.bucket)
    stack = find_stack(session.api, request.region, request.stack_name)
    request = replace(
        request,
        is_new=stack is None or stack.status == IN_REVIEW,
        parameters=_parameters(wanted, stack),
        name=f"expand-{secrets.token_hex(4)}",
    )
    if len(data) <= MAX_TEMPLATE_BYTES:
        return _expand(session, request, stack, wanted.timeout)
    with _uploaded(session, request, wanted.bucket, data) as url:
        return _expand(session, replace(request, template_url=url), stack, wanted.timeout)


def _check_size(size: int, bucket: str) -> None:
    if size > MAX_UPLOADED_BYTES:
        raise ConfigurationError(
            f"the template has {size:,} bytes; CloudFormation accepts at most {MAX_UPLOADED_BYTES:,}",
            "split the template",
        )
    if size > MAX_TEMPLATE_BYTES and not bucket:
        raise ConfigurationError(
            f"the template has {size:,} bytes; a request has at most {MAX_TEMPLATE_BYTES:,}",
            "pass --s3-bucket with a bucket that the template can be uploaded to",
        )


def _parameters(wanted: ExpandRequest, stack: Stack | None) -> list[dict[str, Any]]:
    """Return all parameters; those that are not set keep the value of the stack, as in `aws cloudformation deploy`."""
    declared = wanted.request.template.parameters
    previous = stack.parameters if stack else {}
    missing = [
        name for name, rule in declared.items() if not ({name} & {*wanted.values, *previous} or "Default" in rule)
    ]
    if missing:
        raise ConfigurationError(
            f"no value for {'parameter' if len(missing) == 1 else 'parameters'} {', '.join(missing)}",
            f"pass {' '.join(f'--parameter {name}=VALUE' for name in missing)}",
        )
    return [
        {"ParameterKey": name, "ParameterValue": wanted.values[name]}
        if name in wanted.values
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in declared
        if name in wanted.values or name in previous
    ]


def _expand(session: DeploymentSession, request: ChangeSetRequest, stack: Stack | None, timeout: float) -> Any:
    reason = ""
    for attempt in range(_ATTEMPTS):
        with _temporary_change_set(session, replace(request, name=f"{request.name}-{attempt}"), stack) as change_set:
            status, reason = wait_for_changes(session, change_set, timeout)
            if status != "FAILED":
                return _read_processed(session, change_set)
            if has_no_changes(reason):
                return _read_unchanged(session, change_set)
        if _EARLY_VALIDATION not in reason:
            break
    raise SourceError(
        f"CloudFormation cannot process the template for stack {request.stack_name} in {request.region}:"
        f" {cleaned(reason)}",
        "fix what CloudFormation names, then run this again",
    )


def _read_processed(session: DeploymentSession, change_set: ChangeSet) -> Any:
    response = session.api.call(
        "cloudformation",
        change_set.request.region,
        "get_template",
        StackName=change_set.stack,
        ChangeSetName=change_set.identifier,
        TemplateStage="Processed",
    )
    return response["TemplateBody"]


def _read_unchanged(session: DeploymentSession, change_set: ChangeSet) -> Any:
    """Return the template of a change set that would change nothing, or that of the stack, which is equal."""
    try:
        return _read_processed(session, change_set)
    except AwsApiError as error:
        if error.code not in {_GONE, "ValidationError"}:
            raise
    response = session.api.call(
        "cloudformation",
        change_set.request.region,
        "get_template",
        StackName=change_set.stack,
        TemplateStage="Processed",
    )
    return response["TemplateBody"]


@contextmanager
def _temporary_change_set(
    session: DeploymentSession, request: ChangeSetRequest, stack: Stack | None
) -> Iterator[ChangeSet]:
    """Create a change set, and remove it when the block ends; also the stack that was created for it."""
    parameters = to_api(session, request)
    name = parameters["ChangeSetName"]
    cleanup = _Cleanup(
        session,
        f"change set {name} of stack {request.stack_name} in {request.region}",
        f"aws cloudformation delete-change-set --stack-name {request.stack_name} --change-set-name {name}"
        f" --region {request.region}",
        partial(_remove, session, request, name, had_stack=stack is not None),
    )
    with cleanup.ensured():
        created = partial(session.api.call, "cloudformation", request.region, "create_change_set", **parameters)
        response = cleanup.create(created)
        yield ChangeSet(request, response["Id"], response["StackId"])


def _remove(session: DeploymentSession, request: ChangeSetRequest, name: str, *, had_stack: bool) -> None:
    """Delete a change set, and the stack in review that was created for it, unless another operation uses that now."""

    def delete() -> bool | None:
        try:
            session.api.call(
                "cloudformation",
                request.region,
                "delete_change_set",
                StackName=request.stack_name,
                ChangeSetName=name,
            )
        except AwsApiError as error:
            if error.code == _STILL_COMPUTING:
                return None
            if error.code != _GONE and not is_not_found(error):
                raise
        return True

    error = SourceError(f"CloudFormation still computes its changes after {_CLEANUP_SECONDS:.0f} s", "")
    session.poll_until(delete, interval=_POLL_SECONDS, timeout=_CLEANUP_SECONDS, timeout_error=error)
    stack = None if had_stack else find_stack(session.api, request.region, request.stack_name)
    if stack and _is_unused(session, request.region, stack, name):
        session.api.call("cloudformation", request.region, "delete_stack", StackName=stack.identifier)


def _is_unused(session: DeploymentSession, region: str, stack: Stack, name: str) -> bool:
    """Return whether a stack has neither resources nor another change set than the one with this name."""
    if stack.status == _NEVER_CREATED:
        found = session.api.call("cloudformation", region, "describe_stack_resources", StackName=stack.identifier)
        if found["StackResources"]:
            return False
    elif stack.status != IN_REVIEW:
        return False
    pages = session.api.pages("cloudformation", region, "list_change_sets", StackName=stack.identifier)
    return all(one["ChangeSetName"] == name for page in pages for one in page["Summaries"])


@contextmanager
def _uploaded(session: DeploymentSession, request: ChangeSetRequest, name: str, data: bytes) -> Iterator[str]:
    """Upload a template, yield its URL, and delete it when the block ends."""
    api, region = session.api, request.region
    bucket = Bucket(name, region, api.identify(region), exists=True, managed=False)
    file = BucketObject(f"{PREFIX}{request.name}.template", data, "text/plain")
    partition = partition_of(region)
    suffix = partition.suffix if partition else "amazonaws.com"

    version: dict[str, str] = {}

    def delete() -> None:
        api.call("s3", region, "delete_object", **bucket.identity, Key=file.key, **version)

    cleanup = _Cleanup(
        session, f"s3://{name}/{file.key}", f"aws s3 rm s3://{name}/{file.key} --region {region}", delete
    )
    with cleanup.ensured():
        uploaded = cleanup.create(partial(upload, api, bucket, file))
        version |= {"VersionId": uploaded} if uploaded else {}
        yield f"https://{name}.s3.{region}.{suffix}/{file.key}"


@dataclass(slots=True)
class _Cleanup:
    """Removes a temporary resource, however the use of it ends.

    Args:
        session: The session.
        name: Its name in messages.
        command: The command that removes it.
        remove: Removes it.
    """

    session: DeploymentSession
    name: str
    command: str
    remove: Callable[[], None]
    is_refused: bool = False

    def create(self, send: Callable[[], T]) -> T:
        """Create the resource; if the service refuses, there is nothing to remove."""
        try:
            return send()
        except AwsApiError as error:
            self.is_refused = error.code not in _MAY_BE_CREATED
            raise

    @contextmanager
    def ensured(self) -> Iterator[None]:
        """Remove the resource when the block ends; of two failures, that of the block is raised."""
        failed = False
        try:
            yield
        except BaseException:
            failed = True
            raise
        finally:
            try:
                with uninterrupted():
                    if not self.is_refused:
                        self.remove()
            except ImagePinnerError as error:
                message, help = f"cannot delete {self.name}: {error.cause}", f"delete it: {self.command}"
                if not failed:
                    raise SourceError(message, help) from error
                self.session.console.print(f"warning: {message}\nhelp: {help}", "yellow")
