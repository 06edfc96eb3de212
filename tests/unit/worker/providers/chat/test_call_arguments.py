"""Arguments of tool calls are never lost, and never taken for none."""

from typing import Any

import pytest

from pointsman.worker.providers.anthropic.stream import to_completion
from pointsman.worker.providers.chat.arguments import arguments_of, written
from pointsman.worker.providers.google.response import call_of as google_call


def anthropic_call(block: dict[str, Any]) -> Any:
    whole = to_completion({"type": "message", "content": [{"type": "tool_use", **block}]}, 0)
    assert whole is not None
    return whole["choices"][0]["message"]["tool_calls"][0]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"a": 1}, '{"a":1}'),
        (None, "{}"),
        ({}, "{}"),
        ("not a dict", "not a dict"),
        ([1, 2], "[1,2]"),
        (5, "5"),
    ],
    ids=["an object", "none", "nothing", "a text", "a list", "a number"],
)
def test_what_is_no_object_stands_there_as_it_is(given: Any, text: str) -> None:
    assert written(given) == text
    assert anthropic_call({"id": "c", "name": "f", "input": given})["function"]["arguments"] == text
    assert (
        google_call({"functionCall": {"name": "f", "args": given}}, "r", 0)["function"]["arguments"] == text
    )


def test_and_comes_back_as_an_object() -> None:
    assert arguments_of("not a dict") == {"arguments": "not a dict"}
    assert arguments_of('{"a":1}') == {"a": 1}


def test_an_id_and_a_name_are_texts() -> None:
    call = anthropic_call({"id": {"a": 1}, "name": ["x"], "input": {}})
    assert (call["id"], call["function"]["name"]) == ("", "")
    call = google_call({"functionCall": {"id": 5, "name": {"x": 1}}}, "r", 0)
    assert (call["id"], call["function"]["name"]) == ("call_0_r", "")
