"""A request to Anthropic's messages is translated to a chat request, or refused with the field's name."""

from typing import Any

import pytest

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.gateway.anthropic.request import to_chat
from pointsman_schemas.base import Json

PIXEL = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
WEATHER = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {}}}
CITED = {"enabled": True}
HI = [{"role": "user", "content": "Hi"}]


def body(**more: Any) -> Json:
    return {"model": "auto", "max_tokens": 100, "messages": HI, **more}


def messages(*turns: Json) -> list[Json]:
    translated: list[Json] = to_chat(body(messages=[*turns]))["messages"]
    return translated


def test_a_minimal_request() -> None:
    least = {"model": "auto", "max_completion_tokens": 100, "messages": HI, "anthropic": {}}
    assert to_chat(body()) == least


def test_all_supported_fields_are_translated() -> None:
    chat = to_chat(
        body(
            system="Be short.",
            temperature=0.2,
            top_p=0.9,
            stream=True,
            stop_sequences=["END"],
            metadata={"user_id": "u-1"},
            tools=[{**WEATHER, "strict": True, "cache_control": {"type": "ephemeral"}}],
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
            thinking={"type": "enabled", "budget_tokens": 4_000},
            output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
            service_tier="standard_only",
        )
    )
    assert chat == {
        "model": "auto",
        "max_completion_tokens": 100,
        "messages": [{"role": "system", "content": "Be short."}, *HI],
        "temperature": 0.2,
        "top_p": 0.9,
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["END"],
        "user": "u-1",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "d",
                    "parameters": WEATHER["input_schema"],
                    "strict": True,
                },
                "cache_control": {"type": "ephemeral"},
            }
        ],
        "anthropic": {"thinking": {"type": "enabled", "budget_tokens": 4_000}},
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "reasoning_effort": "medium",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "service_tier": "default",
    }


def test_the_system_is_one_text_or_several() -> None:
    one, two = ({"type": "text", "text": text} for text in "ab")
    marked = {**one, "cache_control": {"type": "ephemeral"}}
    assert to_chat(body(system=[one]))["messages"][0] == {"role": "system", "content": "a"}
    assert to_chat(body(system=[marked, two]))["messages"][0] == {"role": "system", "content": [marked, two]}


def test_images_and_documents_travel_along() -> None:
    (message,) = messages(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image", "source": PIXEL},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {"type": "document", "source": {**PIXEL, "media_type": "application/pdf"}, "title": "a.pdf"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "t"}},
            ],
        }
    )
    assert message["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            "anthropic": {"type": "document", "title": "a.pdf"},
        },
        {"type": "text", "text": "t", "anthropic": {"type": "document", "title": None}},
    ]


def test_a_tools_call_and_its_result_stay_together() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Köln"}}
    translated = messages(
        *HI,
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "rain"}]},
                {"type": "tool_result", "tool_use_id": "t2", "content": "no such city", "is_error": True},
                {"type": "text", "text": "And tomorrow?"},
            ],
        },
    )
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln"}'}}
    assert translated[1:] == [
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "rain"},
        {
            "role": "tool",
            "tool_call_id": "t2",
            "content": "no such city",
            "anthropic": {"is_error": True},
        },
        {"role": "user", "content": "And tomorrow?"},
    ]


def test_earlier_thoughts_travel_along() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1"}
    translated = messages(
        *HI, {"role": "assistant", "content": [thought, use]}, {"role": "user", "content": [result]}
    )
    assert translated[1]["content"] is None and len(translated[1]["tool_calls"]) == 1
    assert translated[1]["thinking_blocks"] == [thought]
    assert translated[2] == {"role": "tool", "tool_call_id": "t1", "content": ""}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_which_tool_is_to_be_used(choice: Json, expected: Any) -> None:
    assert to_chat(body(tool_choice=choice))["tool_choice"] == expected


@pytest.mark.parametrize(
    "nothing",
    [
        {"top_k": None, "container": None, "mcp_servers": []},
        {"stop_sequences": [], "tools": [], "metadata": {}, "system": ""},
        {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}},
        {"service_tier": "auto"},
        {"stream": False},
    ],
)
def test_default_values_add_no_fields(nothing: Json) -> None:
    assert to_chat(body(**nothing)) | {"stream": None} == to_chat(body()) | {"stream": None}


def user(*blocks: Any) -> Json:
    return body(messages=[{"role": "user", "content": [*blocks]}])


def result(*blocks: Any) -> Json:
    return user({"type": "tool_result", "tool_use_id": "t", "content": [*blocks]})


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (body(container="c"), "container"),
        (body(some_day="x"), "some_day"),
        (body(max_tokens=0), "max_tokens"),
        (body(max_tokens=True), "max_tokens"),
        ({"model": "m", "messages": HI}, "max_tokens"),
        (body(messages=[]), "messages"),
        (body(messages="Hi"), "messages"),
        (body(messages=["Hi"]), "messages[0]"),
        (body(messages=[{"role": "robot", "content": "x"}]), "messages[0].role"),
        (body(messages=[*HI, {"role": "assistant", "content": "The answer is"}]), "messages[1]"),
        (user({"text": "x"}), "messages[0].content[0].type"),
        (user({"type": "text"}), "messages[0].content[0].text"),
        (user({"type": "search_result"}), "messages[0].content[0].type"),
        (user({"type": "image", "source": {"type": "file"}}), "messages[0].content[0].source.type"),
        (user({"type": "document", "source": PIXEL, "citations": CITED}), "messages[0].content[0].citations"),
        (result({"type": "search_result"}), "messages[0].content[0].content[0].type"),
        (body(cache_control="yes"), "cache_control"),
        (body(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "tools[0].type"),
        (body(tools=[{**WEATHER, "defer_loading": True}]), "tools[0].defer_loading"),
        (body(tools=[{"name": "f"}]), "tools[0].input_schema"),
        (body(tool_choice={"type": "some"}), "tool_choice.type"),
        (body(thinking={"type": "between_tools"}), "thinking.type"),
        (body(thinking={"type": "enabled"}), "thinking.budget_tokens"),
        (body(output_config={"effort": "huge"}), "output_config.effort"),
        (body(stop_sequences=list("abcde")), "stop_sequences"),
        (body(metadata={"job": "x"}), "metadata.job"),
        (body(system=[{"type": "image", "source": PIXEL}]), "system[0].type"),
        (body(context_management={"edits": [{"type": "clear_tools"}]}), "context_management.edits[0]"),
    ],
)  # fmt: skip
def test_unsupported_fields_are_refused_by_name(asked: Json, field: str) -> None:
    with pytest.raises(RequestFieldError) as caught:
        to_chat(asked)
    assert caught.value.param == field
    assert str(caught.value).startswith(f"{field}: ")


def test_thoughts_keep_their_order_and_calls_stay_last() -> None:
    thoughts = [{"type": "thinking", "thinking": f"{place}", "signature": "s"} for place in range(3)]
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
    text = {"type": "text", "text": "so"}
    content = [thoughts[0], text, thoughts[1], use, thoughts[2]]
    translated = messages(*HI, {"role": "assistant", "content": content}, *HI)
    first, last = translated[1:3]
    assert (first["thinking_blocks"], first["content"]) == ([thoughts[0]], "so")
    assert "tool_calls" not in first
    assert (last["thinking_blocks"], last["content"]) == (thoughts[1:], None)
    assert len(last["tool_calls"]) == 1


def test_the_thinking_budget_is_sent_in_both_formats() -> None:
    """In Anthropic's fields, and as an approximation for other providers."""
    chat = to_chat(body(thinking={"type": "adaptive"}, output_config={"effort": "max"}))
    assert chat["reasoning_effort"] == "xhigh"
    assert chat["anthropic"] == {"thinking": {"type": "adaptive"}, "effort": "max"}
