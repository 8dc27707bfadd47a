"""From bytes to text and back."""

from __future__ import annotations

import codecs

import pytest

from image_pinner.cli.documents.encodings import MAX_BYTES, decode
from image_pinner.core.errors import UnreadableTemplateError

REFUSED = [
    pytest.param(b"", "web.yaml is empty", id="an empty file"),
    pytest.param(b"a" * (MAX_BYTES + 1), "more than the 5,000,000 that are read", id="too big"),
    pytest.param("a: b\n".encode("utf-16-le"), "line 1, column 1: it looks like UTF-16", id="UTF-16 without a mark"),
    pytest.param("a: b\n".encode("utf-16-be"), "line 1, column 1: it looks like UTF-16", id="UTF-16 BE without a mark"),
    pytest.param("a: b\n".encode("utf-32-le"), "line 1, column 1: it looks like UTF-16", id="UTF-32 without a mark"),
    pytest.param(b"a: b\nc: \xe9\n", "line 2, column 4: the byte 0xe9 is no UTF-8", id="Latin-1"),
    pytest.param(b"a: b\x00c\n", "line 1, column 5: the control character 0x00", id="a zero byte"),
    pytest.param(b"a: b\nc: \x1b[0m\n", "line 2, column 4: the control character 0x1b", id="an escape character"),
    pytest.param(
        codecs.BOM_UTF16_LE + b"a\x00b", "line 1, column 2: the byte 0x62 is no UTF-16", id="half a character"
    ),
    pytest.param(codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", "is no UTF-16", id="half a surrogate pair"),
    pytest.param(codecs.BOM_UTF8 * 2 + b"a: b", "two byte order marks", id="two marks"),
]


@pytest.mark.parametrize(("data", "expected"), REFUSED)
def test_bytes_that_are_no_text_are_refused(data: bytes, expected: str) -> None:
    with pytest.raises(UnreadableTemplateError) as caught:
        decode(data, "web.yaml")
    assert expected in caught.value.cause
    assert caught.value.help


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize("text", ["a: b\n", "é: \U0001f600\r\nx: \u2028\x85\n", "\ufffd: b"])
def test_each_encoding_comes_back_as_it_was(mark: bytes, codec: str, text: str) -> None:
    data = mark + text.encode(codec)
    read, encoding = decode(data, "web.yaml")
    assert (read, encoding.encode(read)) == (text, data)


def test_a_file_of_the_largest_size_is_read() -> None:
    assert len(decode(b"a" * MAX_BYTES, "web.yaml")[0]) == MAX_BYTES
