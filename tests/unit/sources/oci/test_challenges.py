from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_pinner.core.errors import SourceError
from image_pinner.sources.oci.auth import Challenge, parse_challenges


@pytest.mark.parametrize(
    "header",
    [
        '="x"',
        'Bearer realm="never closed',
        'Bearer realm="a" service="b"',
        'Bearer realm="a", realm="b"',
        'Bearer realm="a", REALM="b"',
        "Bearer realm=/no/token",
        'Bearer realm="a\\',
        "Bearer @",
    ],
)
def test_a_header_that_breaks_the_grammar_is_refused(header: str) -> None:
    with pytest.raises(SourceError, match="invalid WWW-Authenticate header"):
        parse_challenges([header])


def test_the_error_has_the_violated_rule_and_its_position() -> None:
    with pytest.raises(SourceError) as refusal:
        parse_challenges(['Bearer realm="a", realm="b"'])
    assert refusal.value.cause.endswith("duplicate parameter (at character 19)")


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
def test_no_header_causes_anything_but_challenges_or_our_refusal(header: str) -> None:
    try:
        found = parse_challenges([header])
    except SourceError:
        return
    assert all(challenge.scheme == challenge.scheme.lower() for challenge in found)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(st.characters(codec="latin-1"))))
def test_quoted_values_round_trip(parameters: dict[str, str]) -> None:
    quoted = (f'{name}="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for name, value in parameters.items())
    assert parse_challenges(["Bearer " + ", ".join(quoted)]) == (Challenge("bearer", parameters),)
