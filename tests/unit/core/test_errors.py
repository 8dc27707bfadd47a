from __future__ import annotations

from image_pinner.core.errors import ImagePinnerError, InvalidReferenceError, SourceError, TemplateError


def test_diagnostics_are_sentences() -> None:
    assert ImagePinnerError("the file is empty").diagnostics() == "the file is empty."
    assert (
        ImagePinnerError("the file is empty", "Give a template").diagnostics() == "the file is empty. Give a template."
    )


def test_a_bad_reference_says_where_counting_from_one() -> None:
    error = InvalidReferenceError("ngi nx", "it contains white space", 3, "Remove it")
    assert error.cause == "'ngi nx' is not a valid image reference: it contains white space (at character 4)"
    assert (error.written, error.rule, error.position) == ("ngi nx", "it contains white space", 3)


def test_what_you_gave_and_what_the_world_did_are_told_apart() -> None:
    assert isinstance(InvalidReferenceError("x", "y", 0), TemplateError)
    assert not issubclass(TemplateError, SourceError)
