"""Fixes for bugs of the engine that would affect these tests, applied when it starts.

In localstack-core 2026.3.0, its second CloudFormation engine:

- It runs the macro on the old template again, where the service keeps the earlier response of the macro. A moved tag
  looked unchanged. The service shows the change, as `test_update_parameter_transform_in_update_change_set` recorded it:
  https://github.com/localstack/localstack/tree/main/tests/aws/services/cloudformation
- It does not store the processed template of an update.
- It deploys an update without the macro if the macro fails. With the fix the stack status is UPDATE_FAILED, with the
  reason in the events; the service sets UPDATE_ROLLBACK_COMPLETE.
- It returns the processed template of the stack for a request for that of a change set:
  https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html
- It cannot insert the result of a snippet into a list, such as the containers of a task.
"""

from __future__ import annotations

import copy
import json
import re
from functools import wraps
from typing import Any

from image_pinner_ecs_resources import create_ecs_resources
from image_pinner_nested_corrections import correct_nested_stacks
from image_pinner_resource_corrections import correct_resources
from localstack.runtime import hooks
from localstack.services.cloudformation.engine.v2 import change_set_model_transform as transforms
from localstack.services.cloudformation.engine.v2.change_set_model import Scope
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.v2 import provider
from localstack.services.cloudformation.v2.entities import ChangeSet
from localstack.services.cloudformation.v2.provider import CloudformationProviderV2

_OUTCOME = transforms._SCOPE_TRANSFORM_TEMPLATE_OUTCOME


@hooks.on_infra_start()
def correct_the_engine() -> None:
    """Fix the engine before it loads its services."""
    _keep_what_macros_answered()
    _keep_what_updates_deployed()
    _return_templates_of_change_sets()
    _put_snippets_into_lists()
    correct_resources()
    correct_nested_stacks()
    create_ecs_resources()


def _keep_what_macros_answered() -> None:
    kind = transforms.ChangeSetModelTransform
    transform, setup = kind.transform, kind._setup_runtime_cache

    def kept(self: Any) -> Any:
        stack, before = self._change_set.stack, self._before_template
        return stack.processed_template if isinstance(before, dict) else None

    @wraps(setup)
    def with_what_is_deployed(self: Any) -> None:
        setup(self)
        if deployed := kept(self):
            self._before_cache[_OUTCOME] = copy.deepcopy(deployed)

    @wraps(transform)
    def from_what_is_deployed(self: Any) -> tuple[Any, Any]:
        deployed = copy.deepcopy(kept(self))
        before, after = transform(self)
        return deployed or before, after

    kind._setup_runtime_cache = with_what_is_deployed
    kind.transform = from_what_is_deployed


def _keep_what_updates_deployed() -> None:
    execute = ChangeSetModelExecutor.execute

    @wraps(execute)
    def and_keep(self: Any) -> Any:
        change_set = self._change_set
        if _macro_failed(change_set):
            raise RuntimeError(change_set.status_reason)
        result = execute(self)
        if isinstance(change_set.processed_template, dict) and not result.failure_message:
            change_set.stack.processed_template = change_set.processed_template
        return result

    has_changes = ChangeSet.has_changes

    @wraps(has_changes)
    def or_failed(self: Any) -> bool:
        return _macro_failed(self) or has_changes(self)

    ChangeSetModelExecutor.execute = and_keep
    ChangeSet.has_changes = or_failed


def _macro_failed(change_set: Any) -> bool:
    return change_set.status == "FAILED" and bool(change_set.status_reason)


def _return_templates_of_change_sets() -> None:
    get_template = CloudformationProviderV2.get_template

    @wraps(get_template)
    def of_the_change_set(
        self: Any,
        context: Any,
        stack_name: Any = None,
        change_set_name: Any = None,
        template_stage: Any = None,
        **more: Any,
    ) -> Any:
        store = provider.get_cloudformation_store(context.account_id, context.region)
        found = change_set_name and provider.find_change_set_v2(store, change_set_name, stack_name=stack_name)
        if not found:
            return get_template(self, context, stack_name, change_set_name, template_stage, **more)
        original = template_stage == "Original"
        body = found.template_body if original else json.dumps(found.processed_template)
        return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}

    CloudformationProviderV2.get_template = of_the_change_set


def _put_snippets_into_lists() -> None:
    path = Scope.jsonpath.fget

    @wraps(path)
    def with_positions_in_lists(self: Any) -> str:
        # The engine writes `.0` for the first item of a list, and jsonpath-ng expects `.[0]`.
        return re.sub(r"\.(\d+)(?=\.|$)", r".[\1]", path(self))

    Scope.jsonpath = property(with_positions_in_lists)
