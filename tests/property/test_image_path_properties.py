"""Image paths: every configured path is followed or refused with an error of ours."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_pinner.core.errors import InvalidPathError
from image_pinner.core.template.paths import parse_image_path

_PIECES = st.sampled_from(
    [
        "$",
        "@",
        ".",
        "..",
        "*",
        "[",
        "]",
        "(",
        ")",
        "?",
        "==",
        "=",
        "'",
        '"',
        "0",
        "-1",
        ":",
        ",",
        "a",
        "Image",
        "true",
        "&",
        "|",
        "`",
        "\\",
        "where",
        "wherenot",
        "parent",
        "len",
        "sub(",
        "~",
        "!",
        "<",
        "/",
        "+",
        "é",
        " ",
        "\n",
    ]
)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jsonpath-ng announces the end of some operators
@given(st.one_of(st.text(max_size=20), st.builds("".join, st.lists(_PIECES, max_size=12))))
@example("$.a[?(@.b[0]=='x')]")
@example("$[" * 2_000)
@example("$" + ".a" * 2_000)
@example("(" * 5_000)
def test_any_text_is_followed_or_refused(text: str) -> None:
    try:
        steps = parse_image_path(text)
    except InvalidPathError as error:
        assert "\n" not in error.cause  # noqa: PT017 - the text can also be valid
    else:
        assert isinstance(steps, tuple)
