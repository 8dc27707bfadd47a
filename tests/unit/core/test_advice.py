"""Help in the words of an entry point."""

from __future__ import annotations

from image_pinner.core.advice import Advice, reword

WORDING = {Advice.INSECURE_REGISTRY: "pass --insecure-registry {}", Advice.REGION: "pass --region"}


def test_advice_inside_a_help_is_reworded_with_its_word() -> None:
    help = f"check the port; {Advice.INSECURE_REGISTRY.format('localhost:5000')}, or {Advice.REGION}"
    assert reword(help, WORDING) == "check the port; pass --insecure-registry localhost:5000, or pass --region"


def test_a_help_without_advice_and_advice_without_other_words_stay() -> None:
    assert reword("push the image", WORDING) == "push the image"
    assert reword(Advice.ACCOUNT, WORDING) == "set the AWS account ID"


def test_a_word_is_never_part_of_a_pattern_or_of_a_template() -> None:
    help = Advice.INSECURE_REGISTRY.format(r"{0}\1.*")
    assert reword(help, WORDING) == r"pass --insecure-registry {0}\1.*"


def test_no_advice_is_part_of_another_one() -> None:
    assert [(one, other) for one in Advice for other in Advice if one in other and one is not other] == []
