"""Fixes for bugs of the engine in resources, applied when it starts; `image_pinner_corrections` fixes macros.

In localstack-core 2026.3.0:

- A failed update is reported as rolled back, but keeps its changes; UpdateStack even reports it as complete. The fix
  rolls it back, and the stack has the template, parameters and resources from before the update:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-monitor-stack.html
- The version of a Lambda alias cannot be updated.
- The inline policies of a role cannot be updated.
- A resource that was never created cannot be deleted, so a failed stack passes through DELETE_FAILED.
- RetainExceptOnCreate has no effect.
- A resource that an update replaced, or whose replacement was rolled back, is missing from the list of resources.
- A resource that a failed update could not create stays in that list.
- The stack of a resource cannot be looked up by the physical ID of the resource:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
"""

from __future__ import annotations

import copy
import json
from functools import wraps
from typing import Any

from localstack.aws.api.cloudformation import ChangeAction, ResourceStatus, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import DeletionPolicy, PreprocProperties
from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.cloudformation.v2 import provider
from localstack.services.cloudformation.v2.entities import Stack
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2
from localstack.services.iam.resource_providers.aws_iam_role import IAMRoleProvider
from localstack.services.lambda_.resource_providers.lambda_alias import LambdaAliasProvider

_ALIAS = "AWS::Lambda::Alias"


def correct_resources() -> None:
    """Fix how the engine processes resources."""
    _roll_back_what_failed()
    _report_failure()
    _move_aliases()
    _change_policies_of_roles()
    _find_stacks_by_what_they_have()


def _roll_back_what_failed() -> None:
    kind = ChangeSetModelExecutor
    process, change, defer = kind.process, kind._execute_resource_change, kind._defer_action

    @wraps(change)
    def and_remember(self: Any, name: str, before: Any, after: Any) -> None:
        if not is_nothing(before) and not is_nothing(after) and before.resource_type == _ALIAS:
            # Only a change of its function or name replaces an alias.
            after.requires_replacement = any(
                before.properties.properties.get(key) != after.properties.properties.get(key)
                for key in ("FunctionName", "Name")
            )
        if is_nothing(after) and str(getattr(before, "deletion_policy", "")) == "RetainExceptOnCreate":
            before.deletion_policy = DeletionPolicy.Retain
        if is_nothing(after) and not _is_there(self, name):
            return
        change(self, name, before, after)
        self.__dict__.setdefault("changed", []).append((name, before, after))

    @wraps(process)
    def or_undo(self: Any) -> Any:
        stack = self._change_set.stack
        is_update, listed = stack.status == StackStatus.UPDATE_IN_PROGRESS, dict(stack.resource_states)
        try:
            return process(self)
        except Exception:
            if is_update:
                _undo(self)
                stack.resource_states = {name: stack.resource_states.get(name, one) for name, one in listed.items()}
            raise

    @wraps(defer)
    def and_stay_listed(self: Any, name: str, action: Any) -> None:
        replaced, states = name.removeprefix("cleanup-from-replacement-"), self._change_set.stack.resource_states

        def clean_up() -> None:
            state = states[replaced]
            action()
            states[replaced] = state

        defer(self, name, action if replaced == name else clean_up)

    kind._execute_resource_change = and_remember
    kind.process = or_undo
    kind._defer_action = and_stay_listed


def _is_there(executor: Any, name: str) -> bool:
    """Return whether a resource exists: a stack that could not be created lacks some of its resources."""
    status = executor._change_set.stack.resolved_resources.get(name, {}).get("ResourceStatus", "")
    return str(status).endswith("_COMPLETE")


def _undo(executor: Any) -> None:
    """Revert updates and delete new resources, newest first, and keep the resources that cleanup would delete."""
    change_set, stack = executor._change_set, executor._change_set.stack
    deployed = copy.deepcopy(dict(stack.resolved_resources))
    stack.set_stack_status(StackStatus.UPDATE_ROLLBACK_IN_PROGRESS)
    executor._deferred_actions.clear()
    for name, before, after in reversed(executor.__dict__.get("changed", [])):
        made = executor.resources.get(name, {})
        if not is_nothing(after) and made.get("ResourceStatus", "").endswith("_COMPLETE"):
            _undo_one(executor, name, before, after, made)
    executor.outputs[:] = copy.deepcopy(stack.resolved_outputs or [])
    stack.rolled_back = True
    executor.resources.clear()
    executor.resources.update(deployed)
    for what in ("template", "template_body", "processed_template", "resolved_parameters"):
        setattr(change_set, what, getattr(stack, what))


def _report_failure() -> None:
    """Keep UpdateStack from reporting a rolled back update as complete."""
    set_status = Stack.set_stack_status

    @wraps(set_status)
    def as_it_was(self: Any, status: Any, *more: Any, **named: Any) -> None:
        if status == StackStatus.UPDATE_IN_PROGRESS:
            self.rolled_back = False
        if getattr(self, "rolled_back", False) and status in {
            StackStatus.UPDATE_COMPLETE,
            StackStatus.ROLLBACK_COMPLETE,
            StackStatus.UPDATE_ROLLBACK_COMPLETE,
        }:
            if self.status == StackStatus.UPDATE_ROLLBACK_COMPLETE:
                return
            status = StackStatus.UPDATE_ROLLBACK_COMPLETE
        set_status(self, status, *more, **named)

    Stack.set_stack_status = as_it_was


def _undo_one(executor: Any, name: str, before: Any, after: Any, made: Any) -> None:
    made_properties = PreprocProperties(properties=made["Properties"])
    if is_nothing(before) or after.requires_replacement:
        action, properties, status = ChangeAction.Remove, (made_properties, None), ResourceStatus.DELETE_COMPLETE
    else:
        wanted = PreprocProperties({**executor._merge_before_properties(name, before).properties})
        action, properties, status = ChangeAction.Modify, (made_properties, wanted), ResourceStatus.UPDATE_COMPLETE
    executor._execute_resource_action(action, name, after.resource_type, *properties)
    executor._process_event(
        action=action,
        logical_resource_id=name,
        event_status=OperationStatus.SUCCESS,
        resource_type=after.resource_type,
        custom_status=status,
    )


def _move_aliases() -> None:
    def update(self: Any, request: Any) -> ProgressEvent:  # noqa: ARG001 - the signature is that of the engine
        wanted = {**request.previous_state, **request.desired_state}
        keys = ("FunctionName", "Name", "FunctionVersion", "Description", "RoutingConfig")
        updated = request.aws_client_factory.lambda_.update_alias(**{key: wanted[key] for key in keys if key in wanted})
        return ProgressEvent(OperationStatus.SUCCESS, resource_model={**wanted, "Id": updated["AliasArn"]})

    LambdaAliasProvider.update = update


def _change_policies_of_roles() -> None:
    update = IAMRoleProvider.update

    @wraps(update)
    def and_its_policies(self: Any, request: Any) -> ProgressEvent:
        wanted = request.desired_state.get("Policies", [])
        event = update(self, request)
        role, iam = request.previous_state["RoleName"], request.aws_client_factory.iam
        names = {policy["PolicyName"] for policy in wanted}
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            if name not in names:
                iam.delete_role_policy(RoleName=role, PolicyName=name)
        for policy in wanted:
            document = policy["PolicyDocument"]
            text = document if isinstance(document, str) else json.dumps(document)
            iam.put_role_policy(RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=text)
        event.resource_model = {**event.resource_model, "Policies": wanted}
        return event

    IAMRoleProvider.update = and_its_policies


def _find_stacks_by_what_they_have() -> None:
    describe = CloudformationProviderV2.describe_stack_resources

    @wraps(describe)
    def of_the_stack_that_has_it(
        self: Any,
        context: Any,
        stack_name: Any = None,
        logical_resource_id: Any = None,
        physical_resource_id: Any = None,
        **more: Any,
    ) -> Any:
        if physical_resource_id and not stack_name:
            stack_name = _stack_with(context, physical_resource_id)
        return describe(self, context, stack_name, logical_resource_id, None, **more)

    CloudformationProviderV2.describe_stack_resources = of_the_stack_that_has_it


def _stack_with(context: Any, identifier: str) -> str:
    store = provider.get_cloudformation_store(context.account_id, context.region)
    for stack in store.stacks_v2.values():
        found = {state.get("PhysicalResourceId") for state in stack.resource_states.values()}
        if identifier in found and stack.status != StackStatus.DELETE_COMPLETE:
            return str(stack.stack_id)
    raise provider.ValidationError(f"Stack for {identifier} does not exist")
