from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.sources.oci.auth import Challenge, parse_challenges

REALM = {"realm": "https://auth.example/token"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('="x"', ()),
        ("Bearer @", (Challenge("bearer"),)),
        ('Bearer realm="never closed', (Challenge("bearer"),)),
        ('Bearer realm="a\\', (Challenge("bearer"),)),
        ('Bearer realm="never closed, service=s', (Challenge("bearer", {"service": "s"}),)),
        ('Bearer realm="a" service="b"', (Challenge("bearer", {"realm": "a", "service": "b"}),)),
        ('Bearer realm="a", REALM="b"', (Challenge("bearer", {"realm": "b"}),)),
        ('realm="a", Basic', (Challenge("basic"),)),
    ],
)
def test_what_breaks_the_grammar_is_skipped(header: str, expected: tuple[Challenge, ...]) -> None:
    assert parse_challenges([header]) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic realm=/", (Challenge("basic", {"realm": "/"}),)),
        ("Basic", (Challenge("basic"),)),
        ("Basic realm=", (Challenge("basic"),)),
        (
            "Basic realm=My Registry , charset=UTF-8",
            (Challenge("basic", {"realm": "My Registry", "charset": "UTF-8"}),),
        ),
        ("Bearer realm=https://auth.example/token", (Challenge("bearer", REALM),)),
        (
            "Bearer realm=https://auth.example/token?a=b,service=s,scope=repository:team/app:pull",
            (
                Challenge(
                    "bearer",
                    {"realm": "https://auth.example/token?a=b", "service": "s", "scope": "repository:team/app:pull"},
                ),
            ),
        ),
        (
            'Bearer realm="https://auth.example/token",service=,scope="repository:team/app:pull"',
            (Challenge("bearer", {**REALM, "scope": "repository:team/app:pull"}),),
        ),
        (
            "Bearer realm=https://auth.example/token,scope=repository:team/app:pull,push,service=s",
            (Challenge("bearer", {**REALM, "scope": "repository:team/app:pull", "service": "s"}),),
        ),
        (
            'Basic realm=/, Bearer realm="https://auth.example/token"',
            (Challenge("basic", {"realm": "/"}), Challenge("bearer", REALM)),
        ),
        (
            'Bearer realm="https://auth.example/token", Basic',
            (Challenge("bearer", REALM), Challenge("basic")),
        ),
    ],
)
def test_values_without_quotes_are_read(header: str, expected: tuple[Challenge, ...]) -> None:
    assert parse_challenges([header]) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        (" , ,", ()),
        ("Negotiate", (Challenge("negotiate"),)),
        ('Basic realm="r"', (Challenge("basic", {"realm": "r"}),)),
        ("BASIC Realm=r", (Challenge("basic", {"realm": "r"}),)),
        ('Basic realm=""', (Challenge("basic", {"realm": ""}),)),
        ('basic realm = "r" , charset="UTF-8"', (Challenge("basic", {"realm": "r", "charset": "UTF-8"}),)),
        (
            'Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push"',
            (
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.example/token",
                        "service": "registry",
                        "scope": "repository:a/b:pull,push",
                    },
                ),
            ),
        ),
        ('Bearer realm="say \\"hi\\", then \\\\"', (Challenge("bearer", {"realm": 'say "hi", then \\'}),)),
        (
            'Bearer realm="a", service="b", Basic realm="c"',
            (Challenge("bearer", {"realm": "a", "service": "b"}), Challenge("basic", {"realm": "c"})),
        ),
        (
            'Negotiate, Bearer realm="a"',
            (Challenge("negotiate"), Challenge("bearer", {"realm": "a"})),
        ),
        (
            'Negotiate dG9rZW4=, Basic realm="a"',
            (Challenge("negotiate"), Challenge("basic", {"realm": "a"})),
        ),
        ("Negotiate dG9rZW4==", (Challenge("negotiate"),)),
        (',,Bearer realm="a",,, service="b",', (Challenge("bearer", {"realm": "a", "service": "b"}),)),
        ('Basic realm="Basic realm=x, Bearer"', (Challenge("basic", {"realm": "Basic realm=x, Bearer"}),)),
    ],
)
def test_challenges_are_read_by_their_grammar(header: str, expected: tuple[Challenge, ...]) -> None:
    assert parse_challenges([header]) == expected


def test_several_headers_are_several_challenges() -> None:
    assert parse_challenges(['Bearer realm="a"', "Basic realm=b"]) == (
        Challenge("bearer", {"realm": "a"}),
        Challenge("basic", {"realm": "b"}),
    )


@given(st.text(st.sampled_from('Basic Bearer=", \\\trealm/@x1=')) | st.text())
def test_any_header_is_parsed(header: str) -> None:
    found = parse_challenges([header])
    assert all(challenge.scheme == challenge.scheme.lower() for challenge in found)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(st.characters(codec="latin-1"))))
def test_quoted_values_round_trip(parameters: dict[str, str]) -> None:
    quoted = (f'{name}="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for name, value in parameters.items())
    assert parse_challenges(["Bearer " + ", ".join(quoted)]) == (Challenge("bearer", parameters),)


@given(st.text(st.sampled_from('aB=", \\/@')))
def test_no_other_challenge_affects_a_good_one_in_a_header_of_its_own(header: str) -> None:
    good = 'Bearer realm="https://auth.example/token"'
    assert parse_challenges([header, good])[-1] == Challenge("bearer", REALM)
