"""Content of registries and Docker config files: parsed, or refused with a readable message."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from hypothesis import assume, given
from hypothesis import strategies as st

from image_pinner.cli.credentials.docker_config import DockerConfigCredentials
from image_pinner.core.errors import ImagePinnerError, InvalidReferenceError, SourceError
from image_pinner.core.images.lookups import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    NotFound,
    Resolution,
    Resolved,
    Unavailable,
    Unsuitable,
)
from image_pinner.core.images.manifests import parse_index, read_config_platform
from image_pinner.core.images.platforms import Platform
from image_pinner.core.images.references import Digest, ImageReference
from image_pinner.core.images.selection import select_from_manifest
from image_pinner.sources.credentials.interface import NoCredentials, Password
from image_pinner.sources.http.redaction import describe_body, sanitize
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import Challenge, parse_challenges
from property.template_strategies import JSON_LIKE
from property.test_reference_properties import references
from support.sampling import examples
from support.untrusted_input import LOOKUPS, ORIGIN, HeldFile, expect_answer, outcome, readable

_TOKENS = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}", fullmatch=True)
_VALUES = st.text(st.characters(codec="latin-1"), max_size=12)
_BETWEEN = st.sampled_from([",", ", ", " , ", ",, ", " ,\t,"])
_CHALLENGES = st.builds(
    Challenge,
    _TOKENS.map(str.lower),
    st.dictionaries(_TOKENS.map(str.lower), _VALUES, max_size=3),
)
_PARTS = st.from_regex(r"[a-z0-9_.-]{1,8}", fullmatch=True).filter(lambda part: part != "unknown")
_HOSTILE = st.one_of(st.text(max_size=8), st.just("a" * 70), JSON_LIKE)
_DIGESTS = st.integers(0, 6).map(lambda number: str(Digest.of(bytes([number]))))
_UNKNOWN = {"os": "unknown", "architecture": "unknown"}
_SECRETS = st.from_regex(r"s3cr3t[A-Za-z0-9]{4,12}", fullmatch=True)


@st.composite
def written(draw: st.DrawFn, challenges: list[Challenge]) -> str:
    """Return a header with these challenges, in one of the many valid forms."""
    parts = []
    for challenge in challenges:
        scheme = "".join(draw(st.sampled_from([one, one.upper()])) for one in challenge.scheme)
        parameters = [_parameter(draw, name, value) for name, value in challenge.parameters.items()]
        listed = parameters[0] if parameters else ""
        for parameter in parameters[1:]:
            listed += draw(_BETWEEN) + parameter
        parts.append(f"{scheme} {listed}" if listed else scheme)
    header = draw(st.sampled_from(["", ",", " , "]))
    for part in parts:
        header += part + draw(_BETWEEN)
    return header


def _parameter(draw: st.DrawFn, name: str, value: str) -> str:
    around = draw(st.sampled_from(["=", " = ", "=\t"]))
    plain = value and value.isascii() and value.isalnum() and draw(st.booleans())
    if plain:
        return f"{name}{around}{value}"
    # Any character may be escaped, and these two have to be.
    escaped = "".join(f"\\{one}" if one in '"\\' or draw(st.integers(0, 9)) == 0 else one for one in value)
    return f'{name}{around}"{escaped}"'


@examples(100)
@given(st.data(), st.lists(_CHALLENGES, max_size=3), st.lists(_CHALLENGES, max_size=2))
def test_challenges_are_read_as_they_were_written(
    data: st.DataObject, first: list[Challenge], second: list[Challenge]
) -> None:
    headers = [data.draw(written(first)), data.draw(written(second))]
    assert parse_challenges(headers) == (*first, *second)


@examples(100)
@given(st.data(), st.lists(_CHALLENGES, min_size=1, max_size=3), _VALUES)
def test_a_challenge_that_was_damaged_is_read_or_refused_in_few_words(
    data: st.DataObject, challenges: list[Challenge], damage: str
) -> None:
    header = data.draw(written(challenges))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(header))] * 2)))
    read = readable(parse_challenges, [header[:start] + damage + header[end:]])
    assert isinstance(read, tuple | SourceError)
    assert not isinstance(read, SourceError) or len(read.diagnostics()) < 300


@examples(100)
@given(st.data(), references(), st.text(max_size=3))
def test_a_damaged_reference_is_read_as_it_prints_or_refused_in_few_words(
    data: st.DataObject, text: str, damage: str
) -> None:
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    damaged = text[:start] + damage + text[end:]
    read = readable(ImageReference.parse, damaged)
    if isinstance(read, ImageReference):
        assert ImageReference.parse(str(read)) == ImageReference.parse(str(read.canonical()))
    else:
        assert isinstance(read, InvalidReferenceError)
        assert len(read.diagnostics()) < 1000


@given(_PARTS, _PARTS, st.one_of(st.just(""), _PARTS))
def test_a_platform_is_read_as_it_prints_and_runs_itself(os: str, architecture: str, variant: str) -> None:
    platform = Platform.parse("/".join(part for part in (os, architecture, variant) if part))
    assert Platform.parse(str(platform)) == platform
    assert platform.accepts(platform)


def _wrong_somewhere(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 5).flatmap(lambda number: JSON_LIKE if number == 0 else right)


_DESCRIPTORS = _wrong_somewhere(
    st.fixed_dictionaries(
        {
            "mediaType": _wrong_somewhere(st.sampled_from([OCI_MANIFEST, DOCKER_MANIFEST, OCI_INDEX, "text/html"])),
            "digest": _wrong_somewhere(_DIGESTS),
            "size": _wrong_somewhere(st.integers()),
        },
        optional={
            "platform": _wrong_somewhere(
                st.fixed_dictionaries(
                    {
                        "os": _wrong_somewhere(st.sampled_from(["linux", "windows"])),
                        "architecture": _wrong_somewhere(st.sampled_from(["amd64", "arm64", "arm"])),
                    },
                    optional={"variant": _wrong_somewhere(st.just("v8")), "os.version": _wrong_somewhere(_PARTS)},
                )
            ),
            "annotations": _wrong_somewhere(st.just({"vnd.docker.reference.type": "attestation-manifest"})),
            "artifactType": JSON_LIKE,
        },
    )
)
_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "schemaVersion": _wrong_somewhere(st.just(2)),
        "mediaType": _wrong_somewhere(st.sampled_from([OCI_INDEX, OCI_MANIFEST])),
        "config": _DESCRIPTORS,
        "layers": _wrong_somewhere(st.lists(_DESCRIPTORS, max_size=2)),
        "manifests": _wrong_somewhere(st.lists(_DESCRIPTORS, max_size=4)),
    },
)


@examples(100)
@given(st.one_of(_DOCUMENTS, JSON_LIKE), st.sampled_from([OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST]))
def test_any_manifest_yields_its_digest_or_that_of_an_entry_or_a_reason(document: Any, media_type: str) -> None:
    raw = _bytes(document)
    entries = readable(parse_index, raw)
    found = Resolved(Digest.of(raw), media_type, ORIGIN)
    for lookup in LOOKUPS:
        answer = select_from_manifest(lookup, found, raw)
        expect_answer(lookup, found, entries if isinstance(entries, tuple) else (), answer)


@examples(100)
@given(_DOCUMENTS, st.binary(max_size=20), st.sampled_from([OCI_INDEX, OCI_MANIFEST]))
def test_bytes_with_another_digest_are_never_accepted(document: Any, other: bytes, media_type: str) -> None:
    raw = _bytes(document)
    assume(raw != other)
    found = Resolved(Digest.of(other), media_type, ORIGIN)
    assert all(isinstance(select_from_manifest(lookup, found, raw), Unavailable) for lookup in LOOKUPS)
    assert isinstance(readable(read_config_platform, raw, found.digest), SourceError)


_LINES = st.one_of(
    st.fixed_dictionaries(
        {"digest": _DIGESTS, "mediaType": st.just(OCI_MANIFEST)},
        optional={
            "platform": st.one_of(
                st.just({"os": "linux", "architecture": "amd64"}),
                st.sampled_from(["", "v7", "v8"]).map(
                    lambda one: {"os": "linux", "architecture": "arm64", "variant": one}
                ),
                st.just({"os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1"}),
                st.fixed_dictionaries(
                    {}, optional={"os": _HOSTILE, "architecture": _HOSTILE, "variant": _HOSTILE, "os.version": _HOSTILE}
                ),
            )
        },
    ),
    st.builds(
        lambda digest, more: {"digest": digest, "mediaType": OCI_MANIFEST, "platform": {**_UNKNOWN, **more}},
        st.sampled_from([str(Digest.of(b"attested")), str(Digest.of(b"attested as well"))]),
        st.sampled_from([{}, {"variant": ""}, {"variant": "v8"}]),
    ),
)


@examples(100)
@given(st.data(), st.lists(_LINES, max_size=6))
def test_the_chosen_image_is_an_entry_for_a_known_platform_whatever_the_order(
    data: st.DataObject, lines: list[dict[str, Any]]
) -> None:
    shuffled = data.draw(st.permutations(lines))
    for lookup in LOOKUPS:
        if lookup.index_allowed:
            continue
        answers = [_select(lookup, one) for one in (lines, shuffled)]
        assert len({type(answer) for answer in answers}) == 1
        for answer in answers:
            if isinstance(answer, Resolved):
                chosen = [line for line in lines if line["digest"] == str(answer.digest)]
                assert any(line.get("platform") is None or not _is_unknown(line["platform"]) for line in chosen)
                assert answer.digest == cast("Resolved", answers[0]).digest
            else:
                assert isinstance(answer, NotFound | Unsuitable)
                assert answer.cause.isprintable()


def _select(lookup: Any, lines: list[dict[str, Any]]) -> Resolution | Any:
    raw = _bytes({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": lines})
    return select_from_manifest(lookup, Resolved(Digest.of(raw), OCI_INDEX, ORIGIN), raw)


def _is_unknown(platform: Mapping[str, Any]) -> bool:
    return "unknown" in (platform.get("os"), platform.get("architecture"))


@given(_PARTS, _PARTS, st.one_of(st.just(""), _PARTS), st.dictionaries(st.text(max_size=5), JSON_LIKE, max_size=3))
def test_the_platform_of_a_config_is_read_among_any_other_content(
    os: str, architecture: str, variant: str, more: dict[str, Any]
) -> None:
    raw = _bytes({**more, "os": os, "architecture": architecture, "variant": variant, "os.version": ""})
    assert read_config_platform(raw, Digest.of(raw)) == Platform(os, architecture, variant)


_HOSTS = st.sampled_from(["ghcr.io", "registry.example:5000", "[2001:db8::1]", "localhost"])
_KEYS = st.sampled_from(["{}", "https://{}", "http://{}", "https://{}/v1/", "{}/v2", "{}/"])
_USERS = st.text(st.characters(codec="utf-8", exclude_characters=":"), min_size=1, max_size=5)


@examples(100)
@given(_HOSTS, _KEYS, _USERS, _SECRETS, st.dictionaries(st.text(max_size=5), JSON_LIKE, max_size=3))
def test_credentials_are_found_under_every_form_of_their_key_and_sent_to_that_host_alone(
    host: str, key: str, user: str, secret: str, more: dict[str, Any]
) -> None:
    auth = base64.b64encode(f"{user}:{secret}".encode()).decode()
    document = {**more, "auths": {key.format(host): {"auth": auth}}, "credHelpers": {}, "credsStore": ""}
    credentials = _credentials(document)
    found = credentials.for_registry(host, Deadline.after(5))
    assert isinstance(found, Password)
    assert (found.user, found.password) == (user, secret)
    assert secret not in repr(found)
    for other in ("docker.io", "ghcr.io.example", f"x{host}", "unnamed.example"):
        assert isinstance(credentials.for_registry(other, Deadline.after(5)), NoCredentials)


@examples(100)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "auths": _wrong_somewhere(
                st.dictionaries(
                    st.one_of(_HOSTS, st.text(max_size=5)),
                    _wrong_somewhere(
                        st.fixed_dictionaries(
                            {},
                            optional={
                                name: _wrong_somewhere(_SECRETS)
                                for name in ("auth", "username", "password", "identitytoken", "registrytoken")
                            },
                        )
                    ),
                    max_size=3,
                )
            ),
            "credHelpers": _wrong_somewhere(st.dictionaries(_HOSTS, _wrong_somewhere(st.just("login")), max_size=2)),
            "credsStore": _wrong_somewhere(st.just("login")),
        },
    ),
    _HOSTS,
)
def test_any_docker_config_yields_credentials_or_a_reason_without_its_secrets(document: Any, host: str) -> None:
    found = readable(_credentials(document).for_registry, host, Deadline.after(5))
    text = found.diagnostics() if isinstance(found, ImagePinnerError) else repr(found)
    assert "s3cr3t" not in text
    if isinstance(found, Password):
        assert found.basic().isascii()


def _credentials(document: Any) -> DockerConfigCredentials:
    return DockerConfigCredentials(cast("Path", HeldFile(_bytes(document))), lambda *_: None)


@examples(100)
@given(st.text(max_size=60), st.text(max_size=60), _SECRETS)
def test_a_registrys_error_is_one_short_line_without_secrets(before: str, after: str, secret: str) -> None:
    url = f" https://user:{secret}@registry.example/path?token={secret}#{secret} "
    for text in (before + secret + after, before + url + after, f"{before} Bearer {secret}{secret} {after}"):
        document = json.dumps({"errors": [{"code": "DENIED", "message": text}]}).encode("utf-8", "surrogatepass")
        for line in (describe_body(document, "application/json"), sanitize(text)):
            assert line.isprintable()
            assert len(line) <= 241
        assert describe_body(document, "application/json", only_codes=True) == "DENIED"
    assert secret not in sanitize(before + url + after)


@given(JSON_LIKE, st.sampled_from(["application/json", "text/plain", "text/html", ""]))
def test_whatever_a_registry_answers_is_shown_in_one_line_or_not_at_all(document: Any, content_type: str) -> None:
    line = outcome(describe_body, _bytes(document), content_type)
    assert isinstance(line, str)
    assert line.isprintable()
    assert len(line) <= 241


def _bytes(document: Any) -> bytes:
    return json.dumps(document).encode()
