"""Rules of CloudFormation that the engine of these tests does not enforce.

`refusal` runs before a template is submitted, `as_the_service_sends` and `violations` before and after each run of a
macro. The tests load this module, and so does the executor of functions in the engine, which needs neither PyYAML nor
the package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_BODY = 51_200
MAX_TEMPLATE = 1_000_000
MAX_RESOURCES = 500
MAX_PARAMETERS = 200

EVENT_KEYS = frozenset(
    {"region", "accountId", "fragment", "transformId", "params", "requestId", "templateParameterValues"}
)
"""All keys of an event: recorded from the service in `test_validate_lambda_internals` of
https://github.com/localstack/localstack/blob/main/tests/aws/services/cloudformation/test_template_engine.snapshot.json"""

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
_EVERYWHERE = "And Base64 Cidr Condition Equals FindInMap GetAtt GetAZs If ImportValue Join Not Or Ref Select Split Sub"
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
_IN_RULES = "Contains EachMemberEquals EachMemberIn RefAll ValueOf ValueOfAll"
_SHORT = frozenset(f"{_EVERYWHERE} Transform {_IN_RULES}".split())
# "Short-form YAML syntax isn't supported" for these:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
_LONG = (_SHORT - {"Ref", "Condition"}) | {"Length", "ToJsonString", "GetStackOutput"}
_LOOP = "Fn::ForEach::"
_FUNCTION = "Fn::"


class UnknownTagError(Exception):
    """A template has a YAML tag that the service does not know."""


def refusal(text: str, *, by_url: bool = False) -> str:
    """Return why the service rejects a template before any macro runs, or an empty string.

    Args:
        text: The template as it is submitted.
        by_url: Whether it is in a bucket; the limit for a template in the request is lower.
    """
    size = len(text.encode())
    if not by_url and size > MAX_BODY:
        # The limit is that of the service; the message is ours, similar to an error that LocalStack recorded.
        return (
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BODY}"
        )
    if size > MAX_TEMPLATE:
        return f"Template may not exceed {MAX_TEMPLATE} bytes in size."
    try:
        template = parsed(text)
    except UnknownTagError as error:
        return f"Template format error: {error}"
    return (
        structural_refusal(template) if isinstance(template, dict) else "Template format error: unsupported structure."
    )


def parsed(text: str) -> Any:
    """Read a template as the service does, with short forms in their long form.

    Raises:
        UnknownTagError: It has a tag that the service does not know. "It will return an error if any unknown YAML tags
            are present, even when the template is being transformed by a macro":
            https://stackoverflow.com/questions/73186586. So it was found in
            https://github.com/LonoCloud/cloudformation-inline-macros, commit b04c5ad: "drop tags since not supported".
    """
    if text.lstrip().startswith("{"):
        return json.loads(text)
    import yaml  # noqa: PLC0415 - the rest of this module must work without it

    class Loader(yaml.SafeLoader):
        """Loads the short forms of the service."""

    def short_form(loader: Any, suffix: str, node: Any) -> Any:
        if suffix not in _SHORT:
            raise UnknownTagError(f"the tag !{suffix} in line {node.start_mark.line + 1} is none of the service's")
        value = _value(loader, node)
        if suffix == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {suffix if suffix in {"Ref", "Condition"} else _FUNCTION + suffix: value}

    Loader.add_multi_constructor("!", short_form)
    # Dates stay strings, as in the service.
    Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    return yaml.load(text, Loader)


def _value(loader: Any, node: Any) -> Any:
    kind = type(node).__name__
    if kind == "ScalarNode":
        return node.value
    return (
        loader.construct_sequence(node, deep=True)
        if kind == "SequenceNode"
        else loader.construct_mapping(node, deep=True)
    )


def structural_refusal(template: Mapping[str, Any]) -> str:
    """Return why the service rejects the content of a template, or an empty string."""
    for section, most in (("Resources", MAX_RESOURCES), ("Parameters", MAX_PARAMETERS)):
        if len(template.get(section) or ()) > most:
            return f"Template format error: Number of {section.lower()} exceeds {most}"
    for path, key in _keys(template):
        name = key.removeprefix(_FUNCTION)
        if name != key and name not in _LONG and not key.startswith(_LOOP):
            # Unclear, so rejected here: https://stackoverflow.com/questions/73186586 reports this error "even before
            # the template has been processed by macros"; others had such functions in production in 2019.
            return f"Template error: Encountered unsupported function: {key} at {path}"
    if template.get("Transform") == []:
        # https://github.com/mapbox/cloudfriend/pull/115
        return "Template format error: Transform must not be an empty list"
    for transform in _transforms(template):
        if reason := _transform_refusal(transform):
            return reason
    return ""


def _keys(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield path or "/", str(key)
            yield from _keys(child, f"{path}/{key}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _keys(child, f"{path}/{index}")


def _transforms(template: Mapping[str, Any]) -> Iterator[Any]:
    """Return all calls of macros, those of the whole template and those in it."""
    top = template.get("Transform", ())
    yield from top if isinstance(top, list) else [top] if top else []
    pending: list[Any] = [template]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            inner = value.get("Fn::Transform")
            yield from inner if isinstance(inner, list) else [inner] if inner else []
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _transform_refusal(transform: Any) -> str:
    if isinstance(transform, str):
        return ""
    name = transform.get("Name") if isinstance(transform, dict) else None
    if not isinstance(name, str):
        # Recorded: `test_error_pass_macro_as_reference` in the tests of LocalStack.
        return "Key Name of transform definition must be a string."
    for key, value in (transform.get("Parameters") or {}).items():
        if not _may_become_flat(value):
            # https://github.com/DataDog/datadog-cloudformation-macro/issues/25
            return (
                f"The value of parameter {key} under transform {name} must resolve to a string, number, boolean or a "
                "list of any of these."
            )
    return ""


def _may_become_flat(value: Any, *, in_list: bool = False) -> bool:
    if isinstance(value, dict):
        # The same rule excludes Fn::ImportValue; the values of other functions are known later.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html#template-macros-considerations
        return len(value) == 1 and next(iter(value)) != "Fn::ImportValue" and _is_function(next(iter(value)))
    if isinstance(value, list):
        return not in_list and all(_may_become_flat(item, in_list=True) for item in value)
    return value is not None


def _is_function(key: str) -> bool:
    return key == "Ref" or key.startswith(_FUNCTION)


def is_macro_event(event: Any) -> bool:
    """Return whether a function is called as a macro."""
    return isinstance(event, dict) and {"fragment", "transformId", "requestId"} <= event.keys()


def as_the_service_sends(event: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an event of the engine to one of the service.

    Args:
        event: The event of the engine.
    """
    given = {key: value for key, value in event.items() if key in EVENT_KEYS}
    fragment, values = given["fragment"], dict(given.get("templateParameterValues") or {})
    if isinstance(fragment, dict):
        # "The entire template except for the Transform section", and for a snippet "all siblings" of Fn::Transform:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
        dropped = {"Transform"} if "Resources" in fragment else {"Fn::Transform"}
        fragment = {key: value for key, value in fragment.items() if key not in dropped}
        values = _typed(values, fragment)
    # Pseudo parameters are not among the values: the same recording as that of the keys.
    values = {name: value for name, value in values.items() if not name.startswith("AWS::")}
    # The recording `test_functions_and_references_during_transformation` has `Ref` evaluated here.
    params = {name: _evaluated(value, values) for name, value in (given.get("params") or {}).items()}
    return {**given, "fragment": fragment, "params": params, "templateParameterValues": values}


def _typed(values: Mapping[str, Any], fragment: Mapping[str, Any]) -> dict[str, Any]:
    """Make lists of the values of list parameters, as `test_pyplate_param_type_list` recorded them."""
    declared = fragment.get("Parameters") or {}
    typed = {}
    for name, value in values.items():
        kind = str((declared.get(name) or {}).get("Type", ""))
        # The engine sends the name of a parameter in the Parameter Store. What the service sends is not recorded.
        named = "AWS::SSM::Parameter::Value<" in kind and str(value).startswith("/")
        is_list = not named and ("CommaDelimitedList" in kind or "List<" in kind)
        typed[name] = value.split(",") if is_list and isinstance(value, str) else value
    return typed


def _evaluated(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_evaluated(item, values) for item in value]
    if isinstance(value, dict) and set(value) == {"Ref"}:
        return values.get(value["Ref"], value)
    return value


def violations(event: Mapping[str, Any], answer: Any) -> list[str]:
    """Return how a response of a macro violates the rules of the service or those of the macro itself.

    Args:
        event: The event that the macro received.
        answer: The response of the macro.
    """
    if not isinstance(answer, dict):
        return ["the answer of the macro is no map"]
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html#template-macros-lambda-interface
    found = [] if answer.get("requestId") == event["requestId"] else ["the answer has another requestId"]
    if "status" not in answer:
        found.append("the answer has no status")
    if str(answer.get("status", "")).lower() != "success":
        # Otherwise the service reports "Failed without an error message": recorded in `test_failed_state`.
        return found if answer.get("errorMessage") else [*found, "a failure has no errorMessage"]
    if "fragment" not in answer:
        return [*found, "the answer has no fragment"]
    return [*found, *_of_fragment(event["fragment"], answer["fragment"])]


def _of_fragment(sent: Any, fragment: Any) -> Iterator[str]:
    if not isinstance(sent, dict) or "Resources" not in sent:
        return
    if not isinstance(fragment, dict):
        # Recorded in `test_failed_state`.
        yield "Template format error: unsupported structure."
        return
    # "Macros are not allowed to transform Parameters (macro invocation by CFn will fail in this case)": a comment at
    # `test_dependent_ref_with_macro`, which was recorded from the service.
    if fragment.get("Parameters") != sent.get("Parameters"):
        yield "the macro changed Parameters"
    # It "must include all unchanged content" (same page): what is missing is removed from the stack.
    if gone := sorted(sent.keys() - fragment.keys()):
        yield f"the answer is no whole template: {', '.join(gone)} is missing"
    if gone := sorted((sent["Resources"] or {}).keys() - (fragment.get("Resources") or {}).keys()):
        yield f"the answer is no whole template: {', '.join(gone)} is missing in Resources"
    if "Transform" in fragment:
        # "We don't process macros iteratively":
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros.html
        yield "the answer holds Transform, which the service does not process again"
    if len(json.dumps(fragment).encode()) > MAX_TEMPLATE:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-troubleshoot-processed-template.html
        yield "Transformation data limit exceeded"
