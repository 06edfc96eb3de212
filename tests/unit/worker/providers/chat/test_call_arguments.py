"""Arguments of tool calls are never lost, and never taken for none."""

from typing import Any

import pytest

from pointsman.worker.providers.anthropic.response import call_of as anthropic_call
from pointsman.worker.providers.chat.arguments import arguments_of, written
from pointsman.worker.providers.google.response import call_of as google_call


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
