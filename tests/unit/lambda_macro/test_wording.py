"""The macro words help for its users."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_pinner.core.advice import Advice
from image_pinner.core.errors import SourceError
from support.macro import RaisingResolvers, event_for, macro_in
from support.templates import FailingRegistry, task

HELP = f"retry, or {Advice.AWS_CREDENTIALS}"
WORDED = "retry, or check the execution role of the function"


@pytest.mark.parametrize("resolvers", [RaisingResolvers(SourceError("it failed", HELP)), FailingRegistry(HELP)])
def test_message_and_log_record_are_in_the_words_of_the_macro(resolvers: Any) -> None:
    log: list[str] = []

    response = macro_in(resolvers, log=log.append).answer(
        event_for({"Resources": {"Web": task("!PinDigest shop/web:1")}}), None
    )

    assert response["errorMessage"].endswith(f"it failed; help: {WORDED}")
    assert json.loads(log[0])["problems"][0]["help"] == WORDED
