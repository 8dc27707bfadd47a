"""`Ref`, `Fn::GetAtt` and `Fn::ImportValue`: what a name in the template stands for.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-ref.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
"""

from __future__ import annotations

from collections.abc import Callable

from image_pinner.core.template.intrinsics.evaluation import Evaluation
from image_pinner.core.template.intrinsics.parameters import answered, parameter, undeclared
from image_pinner.core.template.intrinsics.partial import Value, without_prefix
from image_pinner.core.template.intrinsics.repositories import attribute_of, name_of
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import JsonValue, Known, NoValue, Outcome, StackExport, Unknown


def ref(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Ref`; with `AWS::LanguageExtensions` its name may be an expression."""
    name = evaluation.text(argument, "the name in a Ref")
    return referred(name.value, evaluation) if isinstance(name, Known) else without_prefix(name)


def referred(name: str, evaluation: Evaluation) -> Value:
    """Give what a name comes to: of a loop variable, a pseudo parameter, a parameter or a resource."""
    scope = evaluation.scope
    if name in scope.loops:
        return scope.loops[name]
    if name in scope.settled:
        return scope.settled[name]
    if name.startswith("AWS::") or name in scope.parameters:
        settled = scope.settled[name] = _settled(name, scope)
        return settled
    if name in scope.resources:
        return name_of(name, evaluation)
    if name in scope.values and not scope.parameters and not scope.resources:
        return undeclared(name, scope)
    return Unknown(
        f"the template has no parameter and no resource {name!r}",
        "Check the name; if another transform adds it, let ImagePinner run after that one",
    )


def _settled(name: str, scope: Scope) -> Outcome:
    if name.startswith("AWS::"):
        pseudo = _PSEUDO_PARAMETERS.get(name)
        return pseudo(scope) if pseudo else Unknown(f"CloudFormation has no pseudo parameter {name}", "Check its name")
    return parameter(name, scope.parameters[name], scope)


def get_att(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::GetAtt`, written as a list or as one text with a dot."""
    match argument:
        case str() as text:
            resource, _, attribute = text.partition(".")
        case [resource, attribute]:
            pass
        case _:
            return Unknown("Fn::GetAtt has another shape than [resource, attribute]", "Write it in this shape")
    resource_name = evaluation.text(resource, "the resource of Fn::GetAtt")
    if not isinstance(resource_name, Known):
        return without_prefix(resource_name)
    attribute_name = evaluation.text(attribute, "the attribute of Fn::GetAtt")
    if not isinstance(attribute_name, Known):
        return without_prefix(attribute_name)
    return attribute_of(resource_name.value, attribute_name.value, evaluation)


def import_value(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::ImportValue`."""
    name = evaluation.text(argument, "the name in Fn::ImportValue")
    return answered(StackExport(name.value), evaluation.scope) if isinstance(name, Known) else without_prefix(name)


def _region(scope: Scope) -> Outcome:
    return Known(scope.region) if scope.region else Unknown("the region is not known", "Give --region")


def _account(scope: Scope) -> Outcome:
    return Known(scope.account_id) if scope.account_id else Unknown("the account is not known", "Give --account")


def _of_partition(value: str, scope: Scope) -> Outcome:
    if value:
        return Known(value)
    if not scope.region:
        return _region(scope)
    return Unknown(f"{scope.region!r} is the name of no region, so that its partition is not known", "Check the region")


def _only_the_stack_knows(name: str) -> Callable[[Scope], Outcome]:
    unknown = Unknown(
        f"{name} is not known before the stack is deployed: CloudFormation tells it to no transform",
        "Give the value as a parameter of the template",
    )
    return lambda _: unknown


_PSEUDO_PARAMETERS: dict[str, Callable[[Scope], Outcome]] = {
    "AWS::Region": _region,
    "AWS::AccountId": _account,
    "AWS::Partition": lambda scope: _of_partition(scope.partition, scope),
    "AWS::URLSuffix": lambda scope: _of_partition(scope.url_suffix, scope),
    "AWS::NoValue": lambda _: NoValue(),
    **{name: _only_the_stack_knows(name) for name in ("AWS::StackName", "AWS::StackId", "AWS::NotificationARNs")},
}
