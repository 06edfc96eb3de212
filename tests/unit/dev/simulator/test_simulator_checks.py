"""The simulated provider refuses what the real one refuses, in the same format."""

from typing import Any

import orjson
import pytest

from pointsman.dev.simulator.faults import Faults
from pointsman.dev.simulator.provider import SimulatedProvider
from pointsman.dev.simulator.settings import SimulatorSettings

GOOD: dict[str, Any] = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"type": "function", "function": {"name": "look"}}
PROVIDER = SimulatedProvider(SimulatorSettings(), Faults([]), {})


def refuse(body: bytes, key: bytes = b"Bearer k") -> tuple[int, dict[str, Any]]:
    reply = PROVIDER.answer({b"authorization": key}, body, call_id="1", now=0)
    error = orjson.loads(b"".join(reply.pieces)).get("error")
    return reply.status, error


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "content": None}]}, "messages[0].content"),
        ({"model": 7}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 1.5}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "perhaps"}, "tool_choice"),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "tool_choice",
        ),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "messages"),  # the word "json" is missing
    ],
)
def test_wrong_requests_are_400_and_name_the_parameter(change: dict[str, Any], param: str) -> None:
    status, error = refuse(orjson.dumps(GOOD | change))
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert param in error["message"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"temperature": 0, "top_p": 1, "n": 2, "seed": -5, "stop": "x", "user": "u", "brand_new": {"a": [1]}},
        {
            "temperature": None,
            "tools": None,
            "tool_choice": None,
            "response_format": None,
            "max_tokens": None,
        },
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]},
        {"messages": [{"role": "developer", "content": ""}]},
        {"tools": [TOOL], "tool_choice": "auto"},
    ],
)
def test_right_requests_pass(change: dict[str, Any]) -> None:
    assert refuse(orjson.dumps(GOOD | change)) == (200, None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_400(body: bytes) -> None:
    status, error = refuse(body)
    assert (status, error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("key", [b"", b"Bearer", b"Bearer ", b"Basic abc"])
def test_without_a_bearer_key_it_is_401(key: bytes) -> None:
    status, error = refuse(orjson.dumps(GOOD), key)
    assert (status, error["code"]) == (401, "invalid_api_key")


def test_an_unknown_model_is_404_and_the_known_ones_are_named() -> None:
    status, error = refuse(orjson.dumps(GOOD | {"model": "gpt-17"}))
    assert (status, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "gpt-4.1-nano" in error["message"]
