"""`Ref`, `Fn::GetAtt` and `Fn::ImportValue`: parameters, pseudo parameters, repositories and exports.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-ref.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
"""

from __future__ import annotations

from collections.abc import Callable

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
    concatenated,
    text_of,
    without_prefix,
)

_SSM_VALUE = "AWS::SSM::Parameter::Value<"


def parameter(name: str, declaration: JsonValue, scope: Scope) -> Outcome:
    """Give the value of a declared parameter.

    Args:
        name: The parameter's name.
        declaration: What stands under the name in the `Parameters` section.
        scope: What is known.
    """
    if not isinstance(declaration, dict):
        return Unknown(f"the parameter {name!r} is not declared by a map", "Give it a Type")
    if _is_secret(declaration):
        return Unknown(
            f"the parameter {name!r} has NoEcho, and a pinned image would show its value in the processed template",
            "Take the image from a parameter without NoEcho",
        )
    given, default = scope.values.get(name), declaration.get("Default")
    value = default if given is None else given
    if value is None:
        return Unknown(
            f"the parameter {name!r} has neither a value nor a default", f"Give it with --parameter {name}=VALUE"
        )
    kind = declaration.get("Type")
    kind = kind if isinstance(kind, str) else ""
    if kind.startswith(_SSM_VALUE):
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
        kind = kind.removeprefix(_SSM_VALUE).removesuffix(">")
        if scope.ssm_names or given is None or given == default or str(given).startswith("/"):
            return _stored(name, value, kind, scope)
    return _typed(value, kind, f"the value of the parameter {name!r}")


def undeclared(name: str, scope: Scope) -> Outcome:
    """Give the value of a parameter whose declaration is not there: a snippet comes without `Parameters`."""
    return _typed(scope.values[name], "", f"the value of the parameter {name!r}")


def answered(lookup: ExternalValue, scope: Scope, kind: str = "") -> Outcome:
    """Give the answer to a look-up, or the look-up itself while there is none.

    Args:
        lookup: What must be asked.
        scope: What is known.
        kind: The type of the value, as parameters declare it.
    """
    answer = scope.answers.get(lookup)
    if answer is None:
        return Pending(frozenset({lookup}))
    return answer if isinstance(answer, Unknown) else _typed(answer.value, kind, f"the value of {lookup}")


def _is_secret(declaration: JsonObject) -> bool:
    # Whatever is not plainly false hides the value: nothing is lost but an image that nobody can read anyway.
    value = declaration.get("NoEcho", False)
    return value is not False and str(value).strip().lower() != "false"


def _stored(name: str, value: JsonValue, kind: str, scope: Scope) -> Outcome:
    stored_as = text_of(value)
    if not stored_as:
        return Unknown(f"the parameter {name!r} does not hold the name of an SSM parameter", "Give it the name of one")
    return answered(SsmParameter(stored_as), scope, kind)


def _typed(value: JsonValue, kind: str, what: str) -> Outcome:
    # CloudFormation holds every value of a parameter as text, whether it was written as 5 or as "5".
    if isinstance(value, list):
        texts = [text_of(element) for element in value]
        if None not in texts:
            return Known(texts)
    else:
        text = text_of(value)
        if text is not None:
            return Known([item.strip() for item in text.split(",")] if _is_list(kind) else text)
    return Unknown(f"{what} is neither a text nor a list of texts", "Give it another value")


def _is_list(kind: str) -> bool:
    return kind == "CommaDelimitedList" or kind.startswith("List<")


_REPOSITORY = "AWS::ECR::Repository"
# What an attribute is made of; `None` stands for the repository's name.
_ATTRIBUTES: dict[str, tuple[str | dict[str, str] | None, ...]] = {
    "Arn": (
        "arn:",
        {"Ref": "AWS::Partition"},
        ":ecr:",
        {"Ref": "AWS::Region"},
        ":",
        {"Ref": "AWS::AccountId"},
        ":repository/",
        None,
    ),
    "RepositoryUri": (
        {"Ref": "AWS::AccountId"},
        ".dkr.ecr.",
        {"Ref": "AWS::Region"},
        ".",
        {"Ref": "AWS::URLSuffix"},
        "/",
        None,
    ),
}


def name_of(resource: str, evaluation: Evaluation) -> Value:
    """Give what `Ref` comes to for a resource of the template.

    A `Condition` of the resource does not matter: where it is false, CloudFormation refuses the reference itself.
    """
    declaration = evaluation.scope.resources[resource]
    if not isinstance(declaration, dict) or declaration.get("Type") != _REPOSITORY:
        return _made_by_cloudformation(f"the name of the resource {resource!r}")
    subject = f"the name of the ECR repository {resource!r}"

    def work() -> Value:
        properties = declaration.get("Properties", {})
        if not isinstance(properties, dict):
            return Unknown(f"{subject} cannot be told, since its Properties are no map", "Check the template")
        name = evaluation.value_of(properties["RepositoryName"]) if "RepositoryName" in properties else NoValue()
        if isinstance(name, NoValue):
            return Unknown(
                f"{subject} is made up by CloudFormation when it creates the repository",
                "Give the repository a RepositoryName",
            )
        return as_text(name, subject)

    return evaluation.memoize(subject, work)


def attribute_of(resource: str, attribute: str, evaluation: Evaluation) -> Value:
    """Give what `Fn::GetAtt` comes to."""
    declaration = evaluation.scope.resources.get(resource)
    if declaration is None:
        return Unknown(
            f"the template has no resource {resource!r}",
            "Check the name; if another transform adds it, let ImagePinner run after that one",
        )
    pieces = _ATTRIBUTES.get(attribute)
    if pieces is None or not isinstance(declaration, dict) or declaration.get("Type") != _REPOSITORY:
        return _made_by_cloudformation(f"the attribute {attribute!r} of the resource {resource!r}")
    return concatenated(
        as_text(name_of(resource, evaluation), "the name of a repository")
        if piece is None
        else evaluation.text(piece, f"a part of the attribute {attribute!r}")
        for piece in pieces
    )


def _made_by_cloudformation(what: str) -> Unknown:
    return Unknown(
        f"{what} is known only when CloudFormation has created the resource",
        "Take the image from a parameter of the template",
    )


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
