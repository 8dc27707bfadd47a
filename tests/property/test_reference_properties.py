"""References: whatever is written is read as it prints, or refused in our own words."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import Digest, ImageReference

_HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
_COMPONENTS = st.from_regex(r"[a-z0-9]{1,4}(([._]|__|-{1,3})[a-z0-9]{1,3}){0,2}", fullmatch=True)
_LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,3}[a-zA-Z0-9])?", fullmatch=True)
_HOSTS = st.one_of(
    st.just("localhost"),
    st.builds(".".join, st.lists(_LABELS, min_size=2, max_size=4)),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.ip_addresses(v=4).map(str),
)
_PORTS = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))


@st.composite
def references(draw: st.DrawFn) -> str:
    """Return a text that the grammar allows."""
    registry = draw(st.one_of(st.just(""), st.builds("{}{}/".format, _HOSTS, _PORTS)))
    path = "/".join(draw(st.lists(_COMPONENTS, min_size=1, max_size=3)))
    # Without a registry, a dot before the first slash would make one of it.
    assume(registry or "." not in path.partition("/")[0])
    tag = draw(st.one_of(st.just(""), st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)))
    digest = draw(st.one_of(st.just(""), _HEX.map(lambda text: f"@sha256:{text}")))
    return registry + path + tag + digest


@given(references())
@example("registry:5000/team/app")
@example("index.docker.io/nginx:1")
def test_a_reference_prints_as_it_was_written_and_its_canonical_form_is_a_fixed_point(text: str) -> None:
    reference = ImageReference.parse(text)
    assert str(reference) == text
    full = reference.canonical()
    again = ImageReference.parse(str(full))
    assert again == full == reference
    assert str(again.canonical()) == str(full)


@given(references(), _HEX)
def test_what_is_pinned_is_a_reference_to_the_same_repository_with_that_digest_alone(
    text: str, hexadecimal: str
) -> None:
    reference, digest = ImageReference.parse(text), Digest(f"sha256:{hexadecimal}")
    pinned = ImageReference.parse(reference.pinned(digest))
    assert (pinned.registry, pinned.repository, pinned.tag) == (reference.registry, reference.repository, "")
    assert pinned.digest == digest
    assert text.startswith(pinned.written_name)


@given(st.one_of(st.text(), references().flatmap(lambda text: st.text(max_size=3).map(lambda more: text + more))))
@example("\ud800:1")
@example("a:\u0660")
def test_any_text_is_parsed_or_refused_with_a_position(text: str) -> None:
    read = _read(text)
    if isinstance(read, InvalidReferenceError):
        assert read.rule not in {"", "it breaks the grammar of references"}
        assert 0 <= read.position <= len(text)
        read.diagnostics().encode()
    else:
        assert str(read) == text
        assert text.isascii()


def _read(text: str) -> ImageReference | InvalidReferenceError:
    try:
        return ImageReference.parse(text)
    except InvalidReferenceError as error:
        return error
