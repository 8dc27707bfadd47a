"""Causes and help of errors."""

from __future__ import annotations

from image_pinner.core.errors import ImagePinnerError, InvalidReferenceError, SourceError, TemplateError


def test_diagnostics_join_cause_and_help() -> None:
    assert ImagePinnerError("the file is empty").diagnostics() == "the file is empty"
    assert (
        ImagePinnerError("the file is empty", "pass a template").diagnostics()
        == "the file is empty; help: pass a template"
    )


def test_position_of_an_invalid_reference_counts_from_one() -> None:
    error = InvalidReferenceError("ngi nx", "it contains white space", 3, "Remove it")
    assert error.cause == "'ngi nx' is not a valid image reference: it contains white space (at character 4)"
    assert (error.written, error.rule, error.position) == ("ngi nx", "it contains white space", 3)


def test_template_errors_are_not_source_errors() -> None:
    assert isinstance(InvalidReferenceError("x", "y", 0), TemplateError)
    assert not issubclass(TemplateError, SourceError)
