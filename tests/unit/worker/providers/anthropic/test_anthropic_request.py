"""A job's request is translated for Anthropic, or refused with the field and a reason."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.worker.providers.anthropic.request import to_message_request
from tests.support.worker.chat_requests import REFUSED, chat_requests

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "so?"}]}


def why(more: dict[str, Any]) -> str:
    with pytest.raises(RequestFieldError) as error:
        to_message_request({**ASKED, **more}, 100)
    return str(error.value)


@pytest.mark.parametrize("name", REFUSED)
def test_fields_of_other_formats_are_refused_by_name(name: str) -> None:
    assert why({name: REFUSED[name]}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"temperature": 0.5}, "temperature: is the model's own there"),
        ({"top_p": 0.5}, "top_p: is the model's own there"),
        ({"top_k": 1}, "top_k: is the model's own there"),
        ({"seed": 0}, "seed: has no counterpart there"),
        ({"response_format": {"type": "json_object"}}, "response_format: must be text or a json_schema"),
        ({"response_format": {"type": "json_schema"}}, "response_format: must be"),
        ({"reasoning_effort": "huge"}, "reasoning_effort: must be one of"),
        ({"reasoning_effort": ["low"]}, "reasoning_effort: must be one of"),
        ({"service_tier": "flex"}, "service_tier: must be auto or default"),
        ({"max_tokens": 0}, "max_tokens: must be a whole number above 0"),
        ({"stop": [1]}, "stop: must be a text"),
        ({"thinking": {"type": "enabled", "budget_tokens": "2"}}, "thinking.budget_tokens: must be"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages: must have a message"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages: must have a message"),
        ({"messages": [{"role": "critic", "content": "x"}]}, "messages[0].role: `critic` has no"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type: only tools of type `function`"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id: must be a text"),
    ],
)
def test_fields_without_an_anthropic_counterpart_are_refused(more: dict[str, Any], expected: str) -> None:
    assert why(more).startswith(expected)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "input_audio", "input_audio": {}}, "messages[0].content[0].type: `input_audio` has no"),
        ({"type": "image_url", "image_url": {"url": "ftp://a"}}, "messages[0].content[0].image_url: must be"),
        ({"type": "file", "file": {"file_id": "f"}}, "messages[0].content[0].file: file ids"),
        ({"type": "file", "file": {"file_data": "ftp://a"}}, "messages[0].content[0].file: must be data:"),
        (
            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "9h"}},
            "messages[0].content[0].cache_control: must be",
        ),
    ],
)
def test_a_part_without_a_counterpart_is_told_by_its_place(part: dict[str, Any], expected: str) -> None:
    assert why({"messages": [{"role": "user", "content": [part]}]}).startswith(expected)


def test_arguments_that_are_no_object_are_kept_as_they_are() -> None:
    for written in ("[1]", "{", "\\ud800", '{"a":' * 200 + "1" + "}" * 200, '{"a":1e999}'):
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": written}}
        messages = [*ASKED["messages"], {"role": "assistant", "tool_calls": [call]}]
        asked = to_message_request({**ASKED, "messages": messages}, 100)
        assert asked["messages"][1]["content"][0]["input"] == {"arguments": written}


@given(chat_requests(), st.booleans())
def test_no_request_raises(request: dict[str, Any], samples: bool) -> None:
    try:
        asked = to_message_request(request, 100, samples=samples)
    except RequestFieldError as error:
        assert str(error).startswith(error.param)
        return
    assert orjson.loads(orjson.dumps(asked)) == asked
    assert asked["max_tokens"] > 0
    turns = [turn["role"] for turn in asked["messages"]]
    assert turns
    assert all(turn["content"] for turn in asked["messages"])
    assert all(role != next_role for role, next_role in pairwise(turns))
