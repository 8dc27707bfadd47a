"""`Ref`, `Fn::GetAtt` and `Fn::ImportValue`: parameters, pseudo parameters, ECR repositories and exports.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-ref.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
"""

from __future__ import annotations

from collections.abc import Callable

from image_pinner.core.advice import Advice
from image_pinner.core.intrinsics.evaluation import Evaluation
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.intrinsics.values import (
    ExternalValue,
    JsonObject,
    JsonValue,
    Known,
    NoValue,
    Outcome,
    Pending,
    SsmParameter,
    StackExport,
    Unknown,
    Value,
    as_text,
    concatenate,
    invalid_argument,
    text_of,
    without_prefix,
)

KEEPS_PREVIOUS_VALUE: JsonObject = {"UsePreviousValue": True}
"""In place of the declaration of a parameter whose value is that of the stack, whatever its Default is."""
_SSM_VALUE = "AWS::SSM::Parameter::Value<"
_REPOSITORY = "AWS::ECR::Repository"
# The pieces of an attribute; `None` is the repository's name.
_ACCOUNT_ID, _REGION = {"Ref": "AWS::AccountId"}, {"Ref": "AWS::Region"}
_ATTRIBUTES: dict[str, tuple[str | dict[str, str] | None, ...]] = {
    "Arn": ("arn:", {"Ref": "AWS::Partition"}, ":ecr:", _REGION, ":", _ACCOUNT_ID, ":repository/", None),
    "RepositoryUri": (_ACCOUNT_ID, ".dkr.ecr.", _REGION, ".", {"Ref": "AWS::URLSuffix"}, "/", None),
}
_CHECK_NAME = "check the name; if another transform adds it, run ImagePinner after that transform"


def ref(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Ref`; with `AWS::LanguageExtensions`, its name may be an expression."""
    name = evaluation.evaluate_text(argument, "the name in a Ref")
    return resolve_name(name.value, evaluation) if isinstance(name, Known) else without_prefix(name)


def resolve_name(name: str, evaluation: Evaluation) -> Value:
    """Return the value of a loop variable, pseudo parameter, parameter or resource."""
    scope = evaluation.scope
    if name in scope.loops:
        if name in scope.parameters or name in scope.resources:
            return Unknown(f"{name!r} is a variable of a loop and a name of the template", "rename one of them")
        return scope.loops[name]
    if name in scope.cache:
        return scope.cache[name]
    if name.startswith("AWS::"):
        outcome = scope.cache[name] = _pseudo_parameter(name, scope)
        return outcome
    if name in scope.parameters:
        outcome = scope.cache[name] = _parameter(name, scope.parameters[name], scope)
        return outcome
    if name in scope.resources:
        return _resource_name(name, evaluation)
    if name in scope.hidden:
        return Unknown(
            f"a snippet cannot use the parameter {name!r}, because the macro does not see whether it has NoEcho",
            f"list {name} in IMAGE_PINNER_SNIPPET_PARAMETERS, or call the macro in the Transform of the template",
        )
    return Unknown(f"the template has no parameter and no resource {name!r}", _CHECK_NAME)


def get_att(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::GetAtt`, written as a list or as one text with a dot."""
    match argument:
        case str() as text:
            resource, _, attribute = text.partition(".")
        case [resource, attribute]:
            pass
        case _:
            return invalid_argument("Fn::GetAtt", "[resource, attribute]")
    resource_name = evaluation.evaluate_text(resource, "the resource of Fn::GetAtt")
    if not isinstance(resource_name, Known):
        return without_prefix(resource_name)
    attribute_name = evaluation.evaluate_text(attribute, "the attribute of Fn::GetAtt")
    if not isinstance(attribute_name, Known):
        return without_prefix(attribute_name)
    return _attribute(resource_name.value, attribute_name.value, evaluation)


def import_value(argument: JsonValue, evaluation: Evaluation) -> Value:
    """Evaluate `Fn::ImportValue`."""
    name = evaluation.evaluate_text(argument, "the name in Fn::ImportValue")
    if not isinstance(name, Known):
        return without_prefix(name)
    return resolve_external_value(StackExport(name.value), evaluation.scope)


def resolve_external_value(external_value: ExternalValue, scope: Scope, kind: str = "") -> Outcome:
    """Return an external value with its parameter type `kind`, or `Pending` if it was not looked up yet."""
    answer = scope.answers.get(external_value)
    if answer is None:
        return Pending(frozenset({external_value}))
    return answer if isinstance(answer, Unknown) else _typed(answer.value, kind, f"the value of {external_value}")


def _parameter(name: str, declaration: JsonValue, scope: Scope) -> Outcome:
    if declaration is KEEPS_PREVIOUS_VALUE:
        cause = f"the parameter {name!r} keeps its previous value, which is not known"
        return Unknown(cause, Advice.PARAMETER.format(name), missing=True)
    # A snippet next to properties of these names looks like a template, but what is there is no declaration.
    if not isinstance(declaration, dict) or "Type" not in declaration:
        return Unknown(f"the declaration of the parameter {name!r} has no Type", "declare it with a Type")
    scope.used_parameters.add(name)
    if is_secret(declaration):
        return Unknown(
            f"the parameter {name!r} has NoEcho, and the processed template would contain its value",
            "take the image from a parameter without NoEcho",
        )
    passed, default = scope.values.get(name), declaration.get("Default")
    value = default if passed is None else passed
    if value is None:
        return Unknown(
            f"the parameter {name!r} has no value and no default", Advice.PARAMETER.format(name), missing=True
        )
    kind = declaration.get("Type")
    kind = kind if isinstance(kind, str) else ""
    if kind.startswith(_SSM_VALUE):
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
        kind = kind.removeprefix(_SSM_VALUE).removesuffix(">")
        if scope.ssm_names or passed is None or passed == default or str(passed).startswith("/"):
            ssm_name = text_of(value)
            if not ssm_name:
                return Unknown(f"the parameter {name!r} is not the name of an SSM parameter", "set it to such a name")
            return resolve_external_value(SsmParameter(ssm_name), scope, kind)
    return _typed(value, kind, f"the value of the parameter {name!r}")


def is_secret(declaration: JsonValue) -> bool:
    """Return whether the value of a parameter must not be shown; also without a declaration."""
    if not isinstance(declaration, dict):
        return True
    # Anything but a plain false hides the value.
    value = declaration.get("NoEcho", False)
    return value is not False and str(value).strip().lower() != "false"


def _typed(value: JsonValue, kind: str, subject: str) -> Outcome:
    # CloudFormation stores every parameter value as text, whether it is written as 5 or as "5".
    if isinstance(value, list):
        texts = [text_of(element) for element in value]
        if None not in texts:
            return Known(texts)
    else:
        text = text_of(value)
        if text is not None:
            is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
            return Known([item.strip() for item in text.split(",")] if is_list else text)
    return Unknown(f"{subject} is neither text nor a list of texts", "set another value")


def is_repository(declaration: JsonValue) -> bool:
    """Return whether a resource is an ECR repository."""
    return isinstance(declaration, dict) and declaration.get("Type") == _REPOSITORY


def _resource_name(resource: str, evaluation: Evaluation) -> Value:
    # A `Condition` of the resource does not matter: if it is false, CloudFormation rejects the reference itself.
    declaration = evaluation.scope.resources[resource]
    if not is_repository(declaration):
        return _generated(f"the name of the resource {resource!r}")
    subject = f"the name of the ECR repository {resource!r}"

    def compute() -> Value:
        properties = declaration.get("Properties", {})
        if not isinstance(properties, dict):
            return Unknown(f"{subject} cannot be resolved: its Properties are not a mapping", "correct the template")
        if any(str(key).startswith("Fn::") for key in properties):
            return Unknown(
                f"{subject} cannot be resolved: a function makes its Properties", "write RepositoryName itself"
            )
        name = evaluation.evaluate(properties["RepositoryName"]) if "RepositoryName" in properties else NoValue()
        if isinstance(name, NoValue):
            return Unknown(f"{subject} is generated by CloudFormation", "set its RepositoryName")
        return as_text(name, subject)

    return evaluation.memoize(subject, compute)


def _attribute(resource: str, attribute: str, evaluation: Evaluation) -> Value:
    if resource not in evaluation.scope.resources:
        return Unknown(f"the template has no resource {resource!r}", _CHECK_NAME)
    declaration = evaluation.scope.resources[resource]
    pieces = _ATTRIBUTES.get(attribute)
    if pieces is None or not is_repository(declaration):
        return _generated(f"the attribute {attribute!r} of the resource {resource!r}")
    return concatenate(
        as_text(_resource_name(resource, evaluation), "the name of a repository")
        if piece is None
        else evaluation.evaluate_text(piece, f"a part of the attribute {attribute!r}")
        for piece in pieces
    )


def _generated(subject: str) -> Unknown:
    return Unknown(
        f"{subject} is unknown until CloudFormation creates the resource",
        "take the image from a parameter of the template",
    )


def _pseudo_parameter(name: str, scope: Scope) -> Outcome:
    compute = _PSEUDO_PARAMETERS.get(name)
    return compute(scope) if compute else Unknown(f"unknown pseudo parameter {name}", "check its name")


def _region(scope: Scope) -> Outcome:
    if region := scope.known_region:
        return Known(region)
    return Unknown("the AWS region is unknown", Advice.REGION, missing=True)


def _of_partition(value: str, scope: Scope) -> Outcome:
    if value:
        return Known(value)
    if not scope.known_region:
        return _region(scope)
    return Unknown(f"the partition is unknown: {scope.known_region!r} is not a valid region", "correct the region")


def _stack_name(scope: Scope) -> Outcome:
    if scope.stack_name:
        return Known(scope.stack_name)
    if scope.claimed_stack_name:
        return Unknown(
            "AWS::StackName is unknown: the StackName of the template only applies to images that are pinned",
            "pin the image, or write it without AWS::StackName",
            missing=True,
        )
    return Unknown(
        "AWS::StackName is unknown: CloudFormation does not pass it to transforms",
        Advice.STACK_NAME,
        missing=True,
    )


def _known_to_the_stack(name: str) -> Callable[[Scope], Outcome]:
    unknown = Unknown(
        f"{name} is unknown before deployment: CloudFormation does not pass it to transforms",
        "set the value as a parameter of the template",
    )
    return lambda _: unknown


_PSEUDO_PARAMETERS: dict[str, Callable[[Scope], Outcome]] = {
    "AWS::Region": _region,
    "AWS::AccountId": lambda scope: scope.known_account,
    "AWS::Partition": lambda scope: _of_partition(scope.partition, scope),
    "AWS::URLSuffix": lambda scope: _of_partition(scope.url_suffix, scope),
    "AWS::NoValue": lambda _: NoValue(),
    "AWS::StackName": _stack_name,
    **{name: _known_to_the_stack(name) for name in ("AWS::StackId", "AWS::NotificationARNs")},
}
