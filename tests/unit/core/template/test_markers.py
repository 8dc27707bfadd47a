from __future__ import annotations

import time
from typing import Any

import pytest

from image_pinner.core.errors import InvalidOptionError
from image_pinner.core.images.platforms import Platform
from image_pinner.core.intrinsics.scope import Scope
from image_pinner.core.template.markers import (
    MarkedExpression,
    is_marked,
    parse_marked_expression,
    parse_marker,
    parse_metadata_options,
    remove_marker,
    snippet_parameters,
    without_marker,
)
from image_pinner.core.template.options import Level, Options, Pin, Record, Refresh

ARM64 = Platform("linux", "arm64")
NO_VALUE = {"Ref": "AWS::NoValue"}
SCOPE = Scope(
    parameters={
        "Platform": {"Type": "String", "Default": "linux/arm64"},
        "Names": {"Type": "CommaDelimitedList", "Default": "web,db"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/platform"},
    },
    conditions={"Yes": {"Fn::Equals": ["a", "a"]}},
)


class TestQuotedMarker:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "nginx:1",
            "PinDigest nginx",
            "!pindigest nginx",
            "! PinDigest nginx",
            "x !PinDigest nginx",
            "!Pin",
            "\ufeff!PinDigest x",
        ],
    )
    def test_another_text_is_not_marked(self, text: str) -> None:
        assert not is_marked(text)

    @pytest.mark.parametrize(
        "text",
        ["!PinDigest nginx:1", "!PinDigest", " !PinDigest x", "\n\t!PinDigest\tx", "!PinDigestx", "!PinDigest\u00a0x"],
    )
    def test_a_text_that_begins_with_the_marker_is_marked(self, text: str) -> None:
        assert is_marked(text)

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            ("!PinDigest", "no image after the marker"),
            ("!PinDigest ", "no image after the marker"),
            (" !PinDigest \n", "no image after the marker"),
            ("!PinDigest Platform=linux/arm64", "no image after the marker"),
            ("!PinDigest Platform=linux/arm64 Record=None ", "no image after the marker"),
            ("!PinDigestnginx:1", "'!PinDigestnginx:1' is not a valid marker"),
            ("!PinDigest: nginx:1", "'!PinDigest:' is not a valid marker"),
            ("!PinDigests nginx:1", "'!PinDigests' is not a valid marker"),
            ("!PinDigest Platfrom=linux/arm64 nginx:1", "unknown option 'Platfrom' (did you mean 'Platform'?)"),
            ("!PinDigest Platform= nginx:1", "'' is not a valid platform"),
            ("!PinDigest Pin=All nginx:1", "option Pin cannot be set for a single image"),
            ("!PinDigest Lock=x nginx:1", "option Lock cannot be set for a single image"),
            ("!PinDigest Refresh=never nginx:1", "invalid value 'never' for option Refresh"),
            ("!PinDigest Record=None Record=None nginx:1", "duplicate option Record"),
        ],
    )
    def test_an_invalid_marker_is_refused(self, text: str, cause: str) -> None:
        with pytest.raises(InvalidOptionError) as caught:
            parse_marker(text)
        assert caught.value.cause == cause
        assert caught.value.help

    @pytest.mark.parametrize(
        ("text", "mark"),
        [
            ("!PinDigest nginx:1", MarkedExpression(Options(), "nginx:1")),
            ("  !PinDigest\t\n nginx:1 \n", MarkedExpression(Options(), "nginx:1")),
            ("!PinDigest\u00a0nginx:1", MarkedExpression(Options(), "nginx:1")),
            ("!PinDigest Platform=linux/arm64 nginx:1", MarkedExpression(Options(platform=ARM64), "nginx:1")),
            (
                "!PinDigest\nPlatform=linux/arm64\n\tRecord=None   Refresh=Always nginx:1",
                MarkedExpression(Options(platform=ARM64, record=Record.NONE, refresh=Refresh.ALWAYS), "nginx:1"),
            ),
            ("!PinDigest a b", MarkedExpression(Options(), "a b")),
            ("!PinDigest !PinDigest nginx", MarkedExpression(Options(), "!PinDigest nginx")),
            ("!PinDigest registry:5000/a=b", MarkedExpression(Options(), "registry:5000/a=b")),
        ],
    )
    def test_a_marker_is_parsed(self, text: str, mark: MarkedExpression) -> None:
        assert parse_marker(text) == mark


class TestRemovingMarkers:
    @pytest.mark.parametrize(
        ("text", "unmarked"),
        [
            ("!PinDigest nginx:1", "nginx:1"),
            (" !PinDigest  nginx:1 ", "nginx:1 "),
            ("!PinDigest", ""),
            ("!PinDigest Platform=linux/arm64 nginx:1", "nginx:1"),
            ("!PinDigest Platform=${Platform} Record=None nginx:${Tag}", "nginx:${Tag}"),
            ("!PinDigest Platform=${Os}/${Cpu} ${Image}", "${Image}"),
            ("!PinDigest ${Image}", "${Image}"),
            ("!PinDigest\u00a0nginx:1", "nginx:1"),
            ("!PinDigest Platform=${ Os } nginx", "nginx"),
            ("!PinDigest Platform=${Os nginx", "Platform=${Os nginx"),
        ],
    )
    def test_marker_and_options_are_removed_and_the_reference_is_kept(self, text: str, unmarked: str) -> None:
        assert without_marker(text) == unmarked

    @pytest.mark.parametrize(
        "text",
        [
            "!PinDigest x=" + "${a}" * 5_000,
            "!PinDigest x=" + "${" * 5_000,
            "!PinDigest" + " a=b" * 5_000,
            "!PinDigest" + " " * 50_000,
        ],
    )
    def test_a_long_text_is_parsed_in_linear_time(self, text: str) -> None:
        before = time.process_time()
        without_marker(text)
        assert time.process_time() - before < 1

    @pytest.mark.parametrize(
        "expression",
        [
            None,
            5,
            "nginx:1",
            {"Ref": "Marked"},
            {"Fn::Sub": "${Marked}"},
            {"Fn::Sub": 5},
            {"Fn::Join": ["", [{"Ref": "Marked"}, ":1"]]},
            {"Fn::Join": ["", []]},
            {"Fn::Join": ["", ["", "!PinDigest nginx"]]},
            {"Fn::FindInMap": ["a", "b", "c"]},
            {"Fn::Select": [0, ["!PinDigest nginx", "nginx"]]},
            {"Fn::Select": [0, [{"Fn::Select": [0, ["!PinDigest nginx"]]}]]},
            {"Fn::Select": [0, []]},
            {"Fn::Sub": "!PinDigest nginx", "Other": 1},
        ],
    )
    def test_a_marker_that_is_not_in_the_leading_text_is_not_removed(self, expression: Any) -> None:
        assert remove_marker(expression) is None

    @pytest.mark.parametrize(
        ("expression", "unmarked"),
        [
            ("!PinDigest nginx:1", "nginx:1"),
            (" !PinDigest  nginx:1 \n", "nginx:1"),
            ({"Fn::Sub": "!PinDigest nginx:${Tag} "}, {"Fn::Sub": "nginx:${Tag}"}),
            ({"Fn::Sub": "!PinDigest nginx:${Tag}"}, {"Fn::Sub": "nginx:${Tag}"}),
            ({"Fn::Sub": ["!PinDigest nginx:${T}", {"T": "1"}]}, {"Fn::Sub": ["nginx:${T}", {"T": "1"}]}),
            ({"Fn::Join": ["", ["!PinDigest nginx:", {"Ref": "Tag"}]]}, {"Fn::Join": ["", ["nginx:", {"Ref": "Tag"}]]}),
            ({"Fn::Join": ["", ["!PinDigest ", {"Ref": "Image"}]]}, {"Fn::Join": ["", [{"Ref": "Image"}]]}),
            ({"Fn::Join": [" ", ["!PinDigest", "nginx:1"]]}, {"Fn::Join": [" ", ["nginx:1"]]}),
            ({"Fn::Join": ["", ["!PinDigest nginx:1"]]}, {"Fn::Join": ["", ["nginx:1"]]}),
        ],
    )
    def test_the_leading_marker_is_removed_from_an_expression(self, expression: Any, unmarked: Any) -> None:
        assert remove_marker(expression) == unmarked


class TestSnippetAndLongForm:
    @pytest.mark.parametrize(
        ("value", "cause"),
        [
            ({"Fn::PinDigest": {}}, "Fn::PinDigest has no Image"),
            ({"Fn::PinDigest": {"Platform": "Any"}}, "Fn::PinDigest has no Image"),
            ({"Fn::PinDigest": {"Image": "x", "Pin": "All"}}, "option Pin cannot be set for a single image"),
            ({"Fn::PinDigest": {"Image": "x", "image": "y"}}, "unknown option 'image'"),
            (
                {"Fn::PinDigest": {"Image": "x", "Platform": {"Ref": "Nope"}}},
                "cannot resolve option Platform: the template has no parameter and no resource 'Nope'",
            ),
            ({"Fn::Transform": "ImagePinner"}, "the snippet of ImagePinner has no Image"),
            ({"Fn::Transform": {"Name": "ImagePinner"}}, "the snippet of ImagePinner has no Image"),
            ({"Fn::Transform": {"Name": "ImagePinner", "Parameters": {}}}, "the snippet of ImagePinner has no Image"),
            (
                {"Fn::Transform": {"Name": "ImagePinner", "Parameters": "x"}},
                "the Parameters of ImagePinner are not a mapping",
            ),
            (
                {"Fn::Transform": {"Name": "ImagePinner", "Parameters": None}},
                "the Parameters of ImagePinner are not a mapping",
            ),
            (
                {"Fn::Transform": [{"Name": "ImagePinner", "Parameters": []}]},
                "the Parameters of ImagePinner are not a mapping",
            ),
            (
                {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "x", "Lock": "y"}}},
                "option Lock cannot be set for a single image",
            ),
        ],
    )
    def test_an_invalid_form_is_refused(self, value: Any, cause: str) -> None:
        with pytest.raises(InvalidOptionError) as caught:
            parse_marked_expression(value, "ImagePinner", SCOPE)
        assert caught.value.cause == cause
        assert caught.value.help

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "x",
            5,
            [],
            {},
            {"Ref": "x"},
            {"Fn::Transform": None},
            {"Fn::Transform": []},
            {"Fn::Transform": [[]]},
            {"Fn::Transform": "Other"},
            {"Fn::Transform": {"Name": "Other", "Parameters": {"Image": "x"}}},
            {"Fn::Transform": {"Name": {"Ref": "x"}}},
            {"Fn::Transform": [{"Name": "Other"}, {"Name": "ImagePinner", "Parameters": {"Image": "x"}}]},
            # CloudFormation calls the second macro with the result of the first one, which only it can do.
            {"Fn::Transform": [{"Name": "ImagePinner", "Parameters": {"Image": "x"}}, {"Name": "Other"}]},
            {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "x"}}, "Name": "web"},
            {"Fn::PinDigest": "x", "Name": "web"},
            {"Transform": "ImagePinner"},
            {"Transform": {"Name": "Other", "Parameters": {"Image": "x"}}},
            {"Transform": {"Name": "ImagePinner", "Type": "x"}},
            {"Transform": {"Name": "ImagePinner", "Parameters": {"Image": "x"}}, "Name": "web"},
        ],
    )
    def test_anything_else_is_not_a_marked_expression(self, value: Any) -> None:
        assert parse_marked_expression(value, "ImagePinner", SCOPE) is None

    @pytest.mark.parametrize(
        ("value", "marked_expression"),
        [
            ({"Fn::PinDigest": "nginx:1"}, MarkedExpression(Options(), "nginx:1")),
            ({"Fn::PinDigest": {"Ref": "Image"}}, MarkedExpression(Options(), {"Ref": "Image"})),
            ({"Fn::PinDigest": {"Fn::Sub": "x"}}, MarkedExpression(Options(), {"Fn::Sub": "x"})),
            ({"Fn::PinDigest": {"Image": "nginx:1"}}, MarkedExpression(Options(), "nginx:1")),
            (
                {"Fn::PinDigest": {"Image": {"Ref": "X"}, "Platform": "linux/arm64"}},
                MarkedExpression(Options(platform=ARM64), {"Ref": "X"}),
            ),
            (
                {"Fn::PinDigest": {"Image": "x", "Platform": {"Ref": "Platform"}}},
                MarkedExpression(Options(platform=ARM64), "x"),
            ),
            ({"Fn::PinDigest": None}, MarkedExpression(Options(), None)),
            (
                {"Transform": {"Name": "ImagePinner", "Parameters": {"Image": "x", "Platform": "linux/arm64"}}},
                MarkedExpression(Options(platform=ARM64), "x"),
            ),
            (
                {"Transform": [{"Name": "ImagePinner", "Parameters": {"Image": {"Ref": "X"}}}]},
                MarkedExpression(Options(), {"Ref": "X"}),
            ),
            ({"Fn::PinDigest": ["x"]}, MarkedExpression(Options(), ["x"])),
            (
                {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "nginx:1"}}},
                MarkedExpression(Options(), "nginx:1"),
            ),
            (
                {"Fn::Transform": [{"Name": "ImagePinner", "Parameters": {"Image": "x", "Record": "None"}}]},
                MarkedExpression(Options(record=Record.NONE), "x"),
            ),
        ],
    )
    def test_image_and_options_are_parsed(self, value: Any, marked_expression: MarkedExpression) -> None:
        assert parse_marked_expression(value, "ImagePinner", SCOPE) == marked_expression

    def test_a_snippet_is_known_by_the_name_under_which_the_macro_is_installed(self) -> None:
        snippet = {"Fn::Transform": {"Name": "ImagePinner-v1", "Parameters": {"Image": "x"}}}
        assert parse_marked_expression(snippet, "ImagePinner", SCOPE) is None
        assert parse_marked_expression(snippet, "ImagePinner-v1", SCOPE) == MarkedExpression(Options(), "x")

    @pytest.mark.parametrize(
        ("transform", "parameters"),
        [
            ("ImagePinner", {}),
            (["ImagePinner", "Other"], {}),
            ({"Name": "ImagePinner"}, {}),
            ({"Name": "ImagePinner", "Parameters": {"Pin": "All"}}, {"Pin": "All"}),
            ([{"Name": "ImagePinner", "Parameters": {"Pin": "All"}}], {"Pin": "All"}),
            ("Other", None),
            (["Other", "ImagePinner"], None),
            ([], None),
            (None, None),
            (5, None),
        ],
    )
    def test_the_parameters_are_read_if_the_first_call_is_this_macro(self, transform: Any, parameters: Any) -> None:
        assert snippet_parameters(transform, "ImagePinner") == parameters


class TestMetadataOptions:
    @pytest.mark.parametrize("metadata", [None, "x", 5, [], {}, {"Other": 1}, {"imagepinner": {"Pin": "All"}}])
    def test_without_an_entry_there_are_no_options(self, metadata: Any) -> None:
        assert parse_metadata_options(metadata, SCOPE, Level.RESOURCE) == Options()

    @pytest.mark.parametrize("content", [None, "All", 5, [], ["Pin"]])
    def test_an_entry_that_is_not_a_mapping_is_refused(self, content: Any) -> None:
        with pytest.raises(InvalidOptionError, match="ImagePinner in Metadata is not a mapping"):
            parse_metadata_options({"ImagePinner": content}, SCOPE, Level.RESOURCE)

    def test_an_invalid_option_is_refused(self) -> None:
        with pytest.raises(InvalidOptionError, match="unknown option 'Pinn'"):
            parse_metadata_options({"ImagePinner": {"Pinn": "All"}}, SCOPE, Level.RESOURCE)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ({"Ref": "Nope"}, "the template has no parameter and no resource 'Nope'"),
            ({"Ref": "Stored"}, "the SSM parameter '/platform' is not looked up for options"),
            ({"Fn::If": ["Yes"]}, "Fn::If has an invalid argument"),
        ],
    )
    def test_an_option_that_cannot_be_resolved_is_refused(self, value: Any, reason: str) -> None:
        with pytest.raises(InvalidOptionError) as caught:
            parse_metadata_options({"ImagePinner": {"Platform": value}}, SCOPE, Level.RESOURCE)
        assert caught.value.cause == f"cannot resolve option Platform: {reason}"
        assert caught.value.help == "write the value"

    def test_options_are_read_and_evaluated(self) -> None:
        metadata = {"Other": 1, "ImagePinner": {"Pin": {"Ref": "Names"}, "Platform": {"Ref": "Platform"}}}
        assert parse_metadata_options(metadata, SCOPE, Level.RESOURCE) == Options(pin=("web", "db"), platform=ARM64)

    def test_functions_in_a_list_are_evaluated(self) -> None:
        content = {"Service": [{"Fn::Sub": "${Platform}"}, "main/web", NO_VALUE], "Pin": ["web"]}
        expected = Options(pin=("web",), services=("linux/arm64", "main/web"))
        assert parse_metadata_options({"ImagePinner": content}, SCOPE, Level.RESOURCE) == expected

    def test_an_option_that_evaluates_to_no_value_is_not_set(self) -> None:
        content = {"Pin": "All", "Platform": {"Fn::If": ["Yes", NO_VALUE, "Any"]}}
        assert parse_metadata_options({"ImagePinner": content}, SCOPE, Level.RESOURCE) == Options(pin=Pin.ALL)


class TestStackNameOption:
    def test_an_expression_of_the_unknown_stack_name_is_refused(self) -> None:
        content = {"StackName": {"Fn::Sub": "${AWS::StackName}-x"}}
        with pytest.raises(InvalidOptionError, match="cannot resolve option StackName: AWS::StackName is unknown"):
            parse_metadata_options({"ImagePinner": content}, SCOPE, Level.TEMPLATE)

    def test_an_unknown_option_is_refused_for_any_value(self) -> None:
        with pytest.raises(InvalidOptionError, match="unknown option 'Stack'"):
            parse_metadata_options({"ImagePinner": {"Stack": {"Ref": "AWS::StackName"}}}, SCOPE, Level.TEMPLATE)

    def test_the_unknown_stack_name_is_not_set(self) -> None:
        content = {"StackName": {"Ref": "AWS::StackName"}, "Refresh": "Never"}
        assert parse_metadata_options({"ImagePinner": content}, SCOPE, Level.TEMPLATE) == Options(refresh=Refresh.NEVER)

    def test_the_known_stack_name_is_set(self) -> None:
        content = {"StackName": {"Ref": "AWS::StackName"}}
        scope = SCOPE.claiming("shop")
        assert parse_metadata_options({"ImagePinner": content}, scope, Level.TEMPLATE) == Options(stack_name="shop")
