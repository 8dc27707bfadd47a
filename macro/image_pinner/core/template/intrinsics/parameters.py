"""The template's parameters: their values by type, those in the Parameter Store included, and `NoEcho`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

from image_pinner.core.template.intrinsics.partial import text_of
from image_pinner.core.template.scope import Scope
from image_pinner.core.template.values import (
    JsonMap,
    JsonValue,
    Known,
    Lookup,
    Outcome,
    Pending,
    SsmParameter,
    Unknown,
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


def answered(lookup: Lookup, scope: Scope, kind: str = "") -> Outcome:
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


def _is_secret(declaration: JsonMap) -> bool:
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
