"""A job's request is translated for Google, or refused with the field and a reason."""

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.worker.providers.google.request import to_content_request
from tests.support.worker.chat_requests import REFUSED, chat_requests

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "so?"}]}
TOOL = {"type": "function", "function": {"name": "f"}}


def why(more: dict[str, Any]) -> str:
    with pytest.raises(RequestFieldError) as error:
        to_content_request({**ASKED, **more})
    return str(error.value)


@pytest.mark.parametrize("name", REFUSED)
def test_fields_of_other_formats_are_refused_by_name(name: str) -> None:
    assert why({name: REFUSED[name]}).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls: cannot be turned off"),
        ({"tools": [TOOL], "tool_choice": {"type": "custom"}}, "tool_choice: must be"),
        ({"response_format": {"type": "grammar"}}, "response_format: must be"),
        ({"reasoning_effort": "max"}, "reasoning_effort: must be one of"),
        ({"service_tier": "flex"}, "service_tier: has no counterpart"),
        ({"thinking": {"type": "enabled"}}, "thinking: has no counterpart"),
        ({"temperature": "hot"}, "temperature: must be a number"),
        (
            {"messages": [*ASKED["messages"], {"role": "system", "content": "x"}]},
            "messages[1].role: system messages",
        ),
        (
            {"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]},
            "messages[0].tool_call_id: no",
        ),
    ],
)
def test_fields_without_a_google_counterpart_are_refused(more: dict[str, Any], expected: str) -> None:
    assert why(more).startswith(expected)


def test_a_picture_whose_kind_nobody_says_is_refused() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://a.test/picture"}}
    assert why({"messages": [{"role": "user", "content": [part]}]}).startswith("messages[0].content: ")


@given(chat_requests())
def test_no_request_raises(request: dict[str, Any]) -> None:
    try:
        asked = to_content_request(request)
    except RequestFieldError as error:
        assert str(error).startswith(error.param)
        return
    assert orjson.loads(orjson.dumps(asked)) == asked
    turns = [turn["role"] for turn in asked["contents"]]
    assert turns
    assert all(turn["parts"] for turn in asked["contents"])
    assert all(role != next_role for role, next_role in pairwise(turns))
