"""The responses of the macro to recorded events, including failures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from golden.golden_cases import EVENT_CASES
from golden.golden_files import as_json, compare
from image_pinner.lambda_macro.handler import Macro
from image_pinner.pinning import Resolvers
from support.example_registries import full_registry

ENVIRONMENT = {"IMAGE_PINNER_SNIPPET_PARAMETERS": "Tag"}


@pytest.mark.parametrize(("path", "expected"), EVENT_CASES, ids=[path.stem for path, _ in EVENT_CASES])
def test_the_macro_responds_to_a_recorded_event(path: Path, expected: Path) -> None:
    resolvers = full_registry()
    log: list[str] = []
    event = json.loads(path.read_text("utf-8"))

    macro = Macro(lambda _settings, _region: Resolvers(resolvers, resolvers), ENVIRONMENT, log.append)
    response = macro.answer(event, None)

    compare(expected, as_json(response))
    assert response["status"] == ("failure" if path.stem.startswith("failure") else "success")
    if response["status"] == "failure":
        assert response["fragment"] == event.get("fragment", {})
    assert [json.loads(line)["status"] for line in log] == [response["status"]]
