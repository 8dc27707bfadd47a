"""Parameter values in the forms of the AWS CLI, AWS SAM and CodePipeline: files, and words on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from image_pinner.core.errors import HIDDEN, UnreadableTemplateError

OVERRIDES_OPTION = "--parameter-overrides"
_SAM_ENVIRONMENT = "default"
# SAM merges the parameters of a command over those of all commands:
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
_SAM_COMMANDS = ("deploy", "global")
# Patterns are compiled by the few runs that have such words.
_SAM_FILE = r"(?s:(?P<file>.*\.(?:toml|ya?ml)):(?P<environment>[\w-]+))"
_NAME = "[A-Za-z0-9]+"
_VALUE = r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | (?:\\.|[^\s"\\])* """
_PAIR = rf"""\s*(?:ParameterKey=(?P<quote>["']?)(?P<key>{_NAME})(?P=quote),
        (?:ParameterValue=(?P<given>{_VALUE})|(?P<previous>UsePreviousValue=[Tt]rue))
        |(?!ParameterKey=)(?P<name_quote>["']?)(?P<name>{_NAME})(?P=name_quote)=(?P<value>{_VALUE}))(?=\s|\Z)"""
_ESCAPED = r"""\\([ "'])"""
_WORD = rf"""["']?{_NAME}["']?="""
_LATER_PAIR = rf"\s{_NAME}="
_HELP = f'pass {OVERRIDES_OPTION} NAME=VALUE, and quote values with spaces: NAME="a b"'


class ParameterFile(NamedTuple):
    """The content of a parameter file.

    Args:
        values: The values: strings, or lists of strings.
        previous: The names of the parameters that keep their previous value.
        configuration: The whole file if it is one for CodePipeline, which can also have tags and a stack policy.
    """

    values: Mapping[str, Any]
    previous: tuple[str, ...] = ()
    configuration: Mapping[str, Any] | None = None


def path_of(name: str) -> str:
    """Return the path in the name of a parameter file: without `file://`, and without the environment of SAM."""
    path = str(Path(name.removeprefix("file://")).expanduser()) if name.startswith("file://") else name
    found = re.fullmatch(_SAM_FILE, path)
    return found["file"] if found else path


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """Parse the values of `--parameter`, `NAME=VALUE`. Of several values of a name, the last counts.

    Raises:
        UnreadableTemplateError: A value has another form.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UnreadableTemplateError(
                f"--parameter {_without_value(pair)!r} is not NAME=VALUE", "pass --parameter NAME=VALUE"
            )
        values[name] = value
    return values


def _without_value(word: str) -> str:
    """Return a word for a message; the value may be secret."""
    name, equals, value = word.partition("=")
    return f"{name}{equals}{HIDDEN if value else ''}"


def parse_overrides(words: Iterable[str], source: str = OVERRIDES_OPTION) -> dict[str, str | None]:
    """Parse the values of `--parameter-overrides`, each with one or more pairs; `source` is their source in messages.

    A pair is `Tag=1` or `ParameterKey=Tag,ParameterValue=1`. A value may be in quotes, as in AWS SAM. If a word is not
    a list of pairs, all that follows its first equals sign is the value, as in the AWS CLI. The value is
    `None` for a parameter that keeps its previous one.

    Raises:
        UnreadableTemplateError: A word has another form, or is ambiguous.
    """
    return dict(pair for word in words for pair in _parse_word(word, source))


def _parse_word(word: str, source: str) -> Iterator[tuple[str, str | None]]:
    pairs, end = [], 0
    pattern = re.compile(_PAIR, re.VERBOSE | re.DOTALL)
    while found := pattern.match(word, end):
        pairs.append(found)
        end = found.end()
    if pairs and not word[end:].strip():
        for pair in pairs:
            if pair["name"]:
                yield pair["name"], _unquote(pair["value"])
            else:
                # The AWS CLI separates the members of its shorthand by commas, so one in a value is escaped.
                yield pair["key"], None if pair["previous"] else _unquote(pair["given"]).replace("\\,", ",")
        return
    name, equals, value = word.partition("=")
    if not equals or not re.fullmatch(_NAME, name) or name == "ParameterKey":
        raise UnreadableTemplateError(f"{source} {_without_value(word)!r} is not NAME=VALUE", _HELP)
    if re.search(_LATER_PAIR, value):
        raise UnreadableTemplateError(f"{source} {_without_value(word)!r} is ambiguous", _HELP)
    yield name, value


def _unquote(text: str) -> str:
    quoted = text[:1] in {'"', "'"} and len(text) > 1 and text[0] == text[-1]
    return re.sub(_ESCAPED, r"\1", text[1:-1] if quoted else text)


def separate_overrides(arguments: Iterable[str]) -> list[str]:
    """Repeat `--parameter-overrides` before each of its words, since the AWS CLI accepts several after one option."""
    separated: list[str] = []
    is_word = at_end = False
    for argument in arguments:
        if is_word and re.match(_WORD, argument):
            separated.append(OVERRIDES_OPTION)
        at_end = at_end or argument == "--"
        follows_option = separated[-1:] == [OVERRIDES_OPTION]
        separated.append(argument)
        is_word = not at_end and (follows_option or argument.startswith(f"{OVERRIDES_OPTION}="))
    return separated


def parse_parameter_file(text: str, name: str) -> ParameterFile:
    """Parse the text of a parameter file, JSON or YAML, or of samconfig.toml.

    The file has a list of `ParameterKey` and `ParameterValue` or of `NAME=VALUE` strings, as in the AWS CLI
    (https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/), an object in `Parameters`, as in
    CodePipeline
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html),
    or an object of names and values. `name` is the name of the file in messages; for the file of SAM, it may end with
    `:` and an environment. Numbers keep the text that they are written with.

    Raises:
        UnreadableTemplateError: The file is not a parameter file.
    """
    path = path_of(name)
    content = _read_content(text, path)
    if Path(path).suffix == ".toml" or Path(path).stem == "samconfig":
        found = re.fullmatch(_SAM_FILE, name)
        return ParameterFile(_sam_overrides(content, path, found["environment"] if found else _SAM_ENVIRONMENT))
    if isinstance(content, dict):
        nested = content.get("Parameters")
        if isinstance(nested, dict):
            return ParameterFile(_parse_values(nested, path), configuration=content)
        return ParameterFile(_parse_values(content, path))
    if isinstance(content, list):
        previous = tuple(str(item.get("ParameterKey")) for item in content if _uses_previous_value(item))
        return ParameterFile(
            dict(_parse_entry(item, path) for item in content if not _uses_previous_value(item)), previous
        )
    raise _unsupported_format(path)


def _read_content(text: str, path: str) -> Any:
    suffix = Path(path).suffix.lower()
    if suffix == ".toml":
        # Each parser is imported when a file needs it.
        import tomllib  # noqa: PLC0415 - see above

        try:
            return tomllib.loads(text, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise UnreadableTemplateError(f"{path} is not valid TOML: {error}", "correct the file") from None
    if suffix == ".json" or (suffix not in {".yaml", ".yml"} and text.lstrip()[:1] in {"{", "[", '"'}):
        try:
            return json.loads(text, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise UnreadableTemplateError(
                f"{path} is not valid JSON: {error}", "write the parameters as JSON"
            ) from None
    from image_pinner.cli.documents.text import YAML_LINE_BREAK, SourceText  # noqa: PLC0415 - see above
    from image_pinner.cli.documents.yaml_reader import read_yaml  # noqa: PLC0415 - see above

    return _as_written(read_yaml(SourceText.of(path, text, YAML_LINE_BREAK)))


def _as_written(node: Any) -> Any:
    """Return the value of a YAML node with the text of its scalars, so that `1.10` and `yes` stay what they are."""
    from image_pinner.cli.documents.nodes import MappingNode, ScalarNode, SequenceNode, content_of  # noqa: PLC0415

    content = content_of(node)
    if isinstance(content, ScalarNode) and not content.function:
        return None if content.tree is None else content.text
    if isinstance(content, MappingNode) and not content.function:
        return {key: _as_written(value) for key, value in {**content.merged, **content.values}.items()}
    if isinstance(content, SequenceNode) and not content.function:
        return [_as_written(item) for item in content.items]
    return content.tree


def _sam_overrides(content: Any, path: str, environment: str) -> dict[str, Any]:
    tables = content if isinstance(content, dict) else {}
    environments = {key: value for key, value in tables.items() if isinstance(value, dict)}
    if environment not in environments:
        others = f"pass {path}:ENVIRONMENT with one of {', '.join(environments)}" if environments else ""
        raise UnreadableTemplateError(f"{path} has no environment {environment!r}", others)
    for command in _SAM_COMMANDS:
        options = environments[environment].get(command)
        parameters = options.get("parameters") if isinstance(options, dict) else None
        overrides = parameters.get("parameter_overrides") if isinstance(parameters, dict) else None
        if isinstance(overrides, dict):
            return _parse_values(overrides, path)
        words = [overrides] if isinstance(overrides, str) else overrides
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return parse_overrides(words, f"{path}: parameter_overrides")
    raise UnreadableTemplateError(
        f"{path} has no parameter_overrides for the environment {environment!r}",
        f"write parameter_overrides in [{environment}.deploy.parameters]",
    )


def _parse_entry(item: Any, path: str) -> tuple[str, Any]:
    if isinstance(item, str):
        key, equals, value = item.partition("=")
        if key and equals:
            return key, value
    if isinstance(item, Mapping) and isinstance(item.get("ParameterKey"), str) and "ParameterValue" in item:
        return item["ParameterKey"], _parse_value(item["ParameterKey"], item["ParameterValue"], path)
    raise _unsupported_format(path)


def _uses_previous_value(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("UsePreviousValue") in (True, "true")


def _parse_values(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {key: _parse_value(key, value, path) for key, value in values.items()}


def _parse_value(key: str, value: Any, path: str) -> Any:
    if isinstance(value, str | int):
        return _to_string(value)
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return [_to_string(item) for item in value]
    raise UnreadableTemplateError(
        f"{path}: the value of parameter {key!r} is neither a string nor a list of strings", "write it as a string"
    )


def _to_string(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unsupported_format(path: str) -> UnreadableTemplateError:
    return UnreadableTemplateError(
        f"{path} is not a parameter file",
        'write [{"ParameterKey": "Tag", "ParameterValue": "1.2"}], {"Parameters": {"Tag": "1.2"}} or {"Tag": "1.2"}',
    )
