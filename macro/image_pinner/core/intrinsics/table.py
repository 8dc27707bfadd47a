"""Every intrinsic function that CloudFormation documents, and how each is evaluated or why it cannot be.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from image_pinner.core.intrinsics.conditions import and_, condition, equals, if_, not_, or_
from image_pinner.core.intrinsics.evaluation import Intrinsic
from image_pinner.core.intrinsics.functions import (
    base64_of,
    find_in_map,
    join,
    length,
    select,
    split,
    sub,
    to_json_string,
)
from image_pinner.core.intrinsics.references import get_att, import_value, ref
from image_pinner.core.intrinsics.values import Unknown


def _only_in_rules(name: str) -> Unknown:
    return Unknown(f"{name} is a function for the Rules of a template only", "Use a condition function instead")


INTRINSICS: Mapping[str, Intrinsic] = MappingProxyType(
    {
        "Ref": ref,
        "Condition": condition,
        "Fn::And": and_,
        "Fn::Base64": base64_of,
        "Fn::Cidr": Unknown("Fn::Cidr gives address ranges, which are no part of an image", "Leave it away"),
        "Fn::Contains": _only_in_rules("Fn::Contains"),
        "Fn::EachMemberEquals": _only_in_rules("Fn::EachMemberEquals"),
        "Fn::EachMemberIn": _only_in_rules("Fn::EachMemberIn"),
        "Fn::Equals": equals,
        "Fn::FindInMap": find_in_map,
        "Fn::ForEach": Unknown("Fn::ForEach gives keys of a map, not a value", "Put it where keys can stand"),
        "Fn::GetAtt": get_att,
        "Fn::GetAZs": Unknown("Fn::GetAZs gives availability zones, which only EC2 knows", "Use a parameter instead"),
        "Fn::GetStackOutput": Unknown(
            "the output of another stack that Fn::GetStackOutput names is not looked up",
            "Export the output and use Fn::ImportValue, or use a parameter",
        ),
        "Fn::If": if_,
        "Fn::ImportValue": import_value,
        "Fn::Join": join,
        "Fn::Length": length,
        "Fn::Not": not_,
        "Fn::Or": or_,
        "Fn::RefAll": _only_in_rules("Fn::RefAll"),
        "Fn::Select": select,
        "Fn::Split": split,
        "Fn::Sub": sub,
        "Fn::ToJsonString": to_json_string,
        "Fn::Transform": Unknown(
            "what another transform puts here is not known yet", "Let ImagePinner run after that transform"
        ),
        "Fn::ValueOf": _only_in_rules("Fn::ValueOf"),
        "Fn::ValueOfAll": _only_in_rules("Fn::ValueOfAll"),
    }
)
"""How each intrinsic is evaluated, by name; the unknowable ones stand with their reason."""
