"""Mutate inputs: random bytes, or the structure of JSON. The same seed produces the same mutations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

Mutate = Callable[[bytes, Random], bytes]

_HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
# JSON values of unexpected types, and values that are meaningful in some locations.
_STRANGE_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 1.5, 1e308, 2**63, 10**400),
    *("", " ", "unknown", "\x00", "\x1b[31m", "line\nline", "\u202e", "\ud800", "é", "a" * 300, "<token>"),
    *("linux", "windows", "amd64", "arm64", "v8", "10.0.20348.1", "sha256:", f"sha256:{_HEX}", f"sha512:{_HEX * 2}"),
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "https://index.docker.io/v1/",
    "dXNlcjpwYXNzd29yZA==",
    *([], {}, [[]], [None], {"": ""}, {"os": "unknown", "architecture": "unknown"}, {"os": "linux"}),
)
_STRANGE_KEYS = ("", "os", "digest", "manifests", "layers", "config", "platform", "auths", "token", "\ud800", "a\nb")
# The same for templates: markers, options, functions and sections.
_TEMPLATE_VALUES: tuple[Any, ...] = (
    *(
        "!PinDigest a/b:1",
        "!PinDigest",
        "  !PinDigest Platform=Any a/b:1",
        "!PinDigestx a:1",
        "a/b:1",
        f"a@sha256:{_HEX}",
    ),
    *("All", "Skip", "Marked", "KeepTag", "Any", "AWS::ECS::TaskDefinition", "AWS::Lambda::Function", "Prod", "Tag"),
    *("{{resolve:ssm:/shop/web/tag}}", "${Name}&{Name}", "${Tag}${!Tag}", "/shop/web/image", "\u2028", "\x1c"),
    *(
        {"Ref": "AWS::NoValue"},
        {"Ref": "Tag"},
        {"Ref": "Names"},
        {"Condition": "Prod"},
        {"Fn::Sub": "!PinDigest ${Tag}"},
    ),
    *({"Fn::PinDigest": "a/b:1"}, {"Fn::PinDigest": {"Image": "a/b:1", "Platform": "linux/arm64"}}),
    {"Fn::Transform": {"Name": "ImagePinner", "Parameters": {"Image": "a/b:1"}}},
    {"Fn::If": ["Prod", "!PinDigest a/b:1", {"Ref": "AWS::NoValue"}]},
    {"Fn::Join": ["", ["!PinDigest a/b", ":", {"Ref": "Tag"}]]},
    {"Fn::FindInMap": ["M", "a", "t"]},
    {"Fn::Equals": [{"Ref": "Tag"}, "1"]},
    {"Fn::ForEach::Loop": ["Name", ["web"], {"${Name}": {"Image": "!PinDigest a/${Name}:1"}}]},
    {"ImagePinner": {"Pin": "All", "Record": "Metadata"}},
    [{"Name": "web", "Image": "!PinDigest a/b:1"}],
)
_TEMPLATE_KEYS = (
    *("Resources", "Metadata", "Conditions", "Mappings", "Parameters", "Transform", "Properties", "Type", "Condition"),
    *("Image", "ContainerDefinitions", "DockerLabels", "ImagePinner", "Pin", "params", "fragment", "Architectures"),
    *(
        "Fn::If",
        "Fn::Sub",
        "Fn::Join",
        "Fn::Split",
        "Fn::Select",
        "Fn::ForEach::Loop",
        "Fn::PinDigest",
        "Fn::Transform",
    ),
    *("Fn::ToJsonString", "Fn::Base64", "Fn::Length", "Fn::FindInMap", "Fn::GetAtt", "Fn::Not", "Fn::And", "Ref"),
)
_STRANGE_BYTES = (
    *(b"\x00", b"\n", b"\r\n", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"%00", b"\\", b'"', b"'", b","),
    *(b"=", b":", b"/", b"//", b"@", b"?", b"#", b"[", b"]", b"{", b"}", b".", b"..", b"-", b"_", b"__", b" ", b"\t"),
    *(b"https://", b"http://", b"[::1]", b"localhost", b"169.254.169.254", b"@sha256:", _HEX.encode(), b"Bearer "),
    *(b"1e999", b"9" * 30, b"A", b"a" * 130, b"\xc3\x9f", b"[" * 5000, b'{"a":' * 1500),
)
_MAX_LOCATIONS = 400


def mutated_text(data: bytes, random: Random) -> bytes:
    """Change a few parts of any input."""
    for _ in range(random.choice((1, 1, 2, 4))):
        data = random.choice(_BYTE_CHANGES)(data, random)
    return data


def mutated_json(data: bytes, random: Random) -> bytes:
    """Change a few parts of a JSON document; other input is changed as text."""
    return _mutated_document(data, random, _STRANGE_VALUES, _STRANGE_KEYS)


def mutated_template(data: bytes, random: Random) -> bytes:
    """Change a few parts of a JSON document that contains a template."""
    return _mutated_document(data, random, _STRANGE_VALUES + _TEMPLATE_VALUES * 3, _STRANGE_KEYS + _TEMPLATE_KEYS)


def _mutated_document(data: bytes, random: Random, values: Sequence[Any], keys: Sequence[str]) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return mutated_text(data, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        document = _change(document, random, values, keys)
    text = json.dumps(document, ensure_ascii=random.random() < 0.8)
    return text.encode("utf-8", "surrogatepass")


def _change(document: Any, random: Random, values: Sequence[Any], keys: Sequence[str]) -> Any:
    locations = list(_locations(document))
    if not locations:
        return _copy(random.choice(values))
    holder, key = random.choice(locations)
    match random.randrange(6):
        case 0:
            del holder[key]
        case 1:
            holder[key] = _copy(random.choice(values))
        case 2:
            other, target = random.choice(locations)
            holder[key] = _copy(other[target])
        case 3 if isinstance(holder, dict):
            holder[random.choice(keys)] = holder.pop(key)
        case 4 if isinstance(holder, list):
            holder.insert(key, _copy(holder[key]))
        case 5 if isinstance(holder[key], str):
            raw = mutated_text(holder[key].encode("utf-8", "surrogatepass"), random)
            holder[key] = raw.decode("utf-8", "replace")
        case _:
            holder[key] = [holder[key]] if random.random() < 0.5 else {random.choice(keys): holder[key]}
    return document


def _locations(document: Any) -> Iterator[tuple[Any, Any]]:
    pending, found = [document], 0
    while pending and found < _MAX_LOCATIONS:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found += 1
            yield holder, key
            pending.append(holder[key])


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _slice(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.choice((1, 1, 2, 5, 20)))


def _delete(data: bytes, random: Random) -> bytes:
    start, end = _slice(data, random)
    return data[:start] + data[end:]


def _insert(data: bytes, random: Random) -> bytes:
    start, _ = _slice(data, random)
    return data[:start] + random.choice(_STRANGE_BYTES) + data[start:]


def _replace(data: bytes, random: Random) -> bytes:
    start, end = _slice(data, random)
    return data[:start] + random.randbytes(end - start) + data[end:]


def _repeat(data: bytes, random: Random) -> bytes:
    start, end = _slice(data, random)
    return data[:end] + data[start:end] * random.choice((1, 2, 100)) + data[end:]


def _move(data: bytes, random: Random) -> bytes:
    start, end = _slice(data, random)
    remaining = data[:start] + data[end:]
    target = random.randint(0, len(remaining))
    return remaining[:target] + data[start:end] + remaining[target:]


_BYTE_CHANGES = (_delete, _insert, _replace, _repeat, _move)
