"""A Responses request is translated to a chat request, or refused with the unsupported field."""

from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam
from openai.types.chat.completion_create_params import ResponseFormat
from pydantic import TypeAdapter

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.gateway.responses.items import messages_of
from pointsman.gateway.responses.request import to_chat
from pointsman.gateway.responses.response import to_response
from tests.support.gateway.spoilt import spoilt

MESSAGES: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionMessageParam])
TOOLS: TypeAdapter[Any] = TypeAdapter(list[ChatCompletionToolUnionParam])
FORMAT: TypeAdapter[Any] = TypeAdapter(ResponseFormat)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True, "description": None}

AGENTS = {"type": "namespace", "name": "agents", "description": "Of agents.", "tools": [WEATHER]}


def call(number: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "weather", "arguments": "{}"}


def answered(number: int, output: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": output}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": list(parts)}


def called(*numbers: int) -> list[dict[str, Any]]:
    function = {"name": "weather", "arguments": "{}"}
    return [{"id": f"c{number}", "type": "function", "function": function} for number in numbers]


def test_a_text_with_instructions_and_every_parameter() -> None:
    body = {
        "model": "auto", "input": "Hi", "instructions": "Be kind.", "temperature": 0.2, "top_p": 0.9,
        "user": "u", "safety_identifier": "s", "prompt_cache_key": "k", "service_tier": "flex",
        "metadata": {"a": "b"},
        "stream": True, "store": False, "max_output_tokens": 50, "truncation": "disabled",
        "background": False,
        "reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"}, "seed": 7,
        "max_tool_calls": 3, "stream_options": {"include_obfuscation": False}, "prompt": None,
        "include": ["reasoning.encrypted_content"], "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": True,
    }  # fmt: skip
    assert to_chat(body) == {
        "model": "auto",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.2, "top_p": 0.9, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
        "service_tier": "flex", "stream": True, "store": False, "seed": 7,
        "max_completion_tokens": 50, "reasoning_effort": "low", "verbosity": "low",
    }  # fmt: skip


def test_custom_tools_and_namespaces_are_called_by_the_client_as_functions_are() -> None:
    grammar = {"definition": "start: /a+/", "syntax": "lark"}
    body = {
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": "aaa"},
            {"type": "custom_tool_call_output", "call_id": "c1", "output": "done"},
            {**call(2), "namespace": "agents"},
            answered(2, "sun"),
        ],
        "tools": [
            {"type": "custom", "name": "patch", "format": {"type": "grammar", **grammar}},
            {"type": "custom", "name": "say", "description": "Say it.", "format": {"type": "text"}},
            {**AGENTS, "tools": [{**WEATHER, "description": "It rains."}, {"type": "custom", "name": "say"}]},
        ],
        "tool_choice": {"type": "custom", "name": "patch"},
        "truncation": "auto",
    }
    chat = to_chat(body)
    TOOLS.validate_python(chat["tools"])
    MESSAGES.validate_python(chat["messages"])
    patch, say, weather, whisper = chat["tools"]
    assert patch["custom"] == {"name": "patch", "format": {"type": "grammar", "grammar": grammar}}
    assert say["custom"] == {"name": "say", "description": "Say it.", "format": {"type": "text"}}
    described = {"name": "agents__weather", "description": "Of agents.\nIt rains."}
    assert weather["function"] == {**described, "parameters": SCHEMA, "strict": True}
    assert whisper["custom"] == {"name": "agents__say", "description": "Of agents."}
    assert chat["tool_choice"] == {"type": "custom", "custom": {"name": "patch"}}
    _, first, done, second, _ = chat["messages"]
    assert first["tool_calls"] == [
        {"id": "c1", "type": "custom", "custom": {"name": "patch", "input": "aaa"}}
    ]
    assert done == {"role": "tool", "tool_call_id": "c1", "content": "done"}
    assert second["tool_calls"][0]["function"]["name"] == "agents__weather"


def test_tools_and_their_choice() -> None:
    body = {"input": "Hi", "tools": [WEATHER], "parallel_tool_calls": False}
    chat = to_chat({**body, "tool_choice": {"type": "function", "name": "weather"}})
    TOOLS.validate_python(chat["tools"])
    function = {"name": "weather", "parameters": SCHEMA, "strict": True}
    assert chat["tools"] == [{"type": "function", "function": function}]
    assert chat["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert chat["parallel_tool_calls"] is False
    assert to_chat({**body, "tool_choice": "required"})["tool_choice"] == "required"
    tools = [{"type": "function", "name": "weather"}]
    allowed = to_chat({**body, "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": tools}})
    assert allowed["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
    }


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (
            {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True, "description": None},
            {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}},
        ),
        ({"type": "json_object"}, {"type": "json_object"}),
        ({"type": "text"}, None),
    ],
)
def test_the_format_of_the_text(asked: dict[str, Any], made: dict[str, Any] | None) -> None:
    chat = to_chat({"input": "Hi", "text": {"format": asked, "verbosity": "high"}})
    assert chat.get("response_format") == made
    assert chat["verbosity"] == "high"
    if made is not None:
        FORMAT.validate_python(made)


def test_log_probabilities_are_asked_for_as_a_chat_has_them() -> None:
    assert to_chat({"input": "Hi", "include": ["message.output_text.logprobs"]})["logprobs"] is True
    chat = to_chat({"input": "Hi", "top_logprobs": 2})
    assert (chat["logprobs"], chat["top_logprobs"]) == (True, 2)
    assert "top_logprobs" not in to_chat({"input": "Hi", "top_logprobs": 0})


def test_parts_of_a_message() -> None:
    parts = (
        {"type": "input_text", "text": "What is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low", "file_id": None},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"},
    )
    (message,) = messages_of([user(*parts)])
    MESSAGES.validate_python([message])
    assert message["content"] == [
        {"type": "text", "text": "What is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
    ]


def test_a_message_without_a_type_and_a_single_text_are_plain() -> None:
    text = {"type": "input_text", "text": "Hi"}
    assert messages_of([{"role": "developer", "content": [text]}]) == [{"role": "developer", "content": "Hi"}]


def test_a_turn_of_the_assistants_is_one_message() -> None:
    turn = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": []}
    items = [user({"type": "input_text", "text": "Hi"}), reasoning, turn, call(1), reasoning, call(2)]
    items += [answered(1, "sun"), answered(2, [{"type": "input_text", "text": "rain"}]), call(3), turn]
    messages = messages_of([*items, answered(3, "snow")])
    MESSAGES.validate_python(messages)
    assert messages == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "I look.", "tool_calls": called(1, 2)},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
        {"role": "tool", "tool_call_id": "c2", "content": "rain"},
        {"role": "assistant", "content": "I look.", "tool_calls": called(3)},
        {"role": "tool", "tool_call_id": "c3", "content": "snow"},
    ]


def test_a_refusal_goes_back_as_one() -> None:
    content = [{"type": "refusal", "refusal": "No."}]
    messages = messages_of([{"type": "message", "role": "assistant", "content": content}])
    MESSAGES.validate_python(messages)
    assert messages == [{"role": "assistant", "content": None, "refusal": "No."}]


def test_the_next_request_has_what_was_said_before_and_its_own_instructions() -> None:
    message = {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "Hm.",
        "tool_calls": called(1, 2),
    }
    completion = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    first = {"model": "auto", "input": "Hi", "instructions": "Old."}
    response = to_response(completion, id="resp_1", created_at=1, request=first)
    second = {"model": "auto", "input": [answered(1, "sun"), answered(2, "rain")], "instructions": "New."}
    earlier = [{"role": "user", "content": "Hi"}, *messages_of(response["output"])]
    chat = to_chat({**second, "previous_response_id": "resp_1"}, earlier)
    assert chat["messages"] == [
        {"role": "system", "content": "New."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "I look.", "tool_calls": called(1, 2)},
        {"role": "tool", "tool_call_id": "c1", "content": "sun"},
        {"role": "tool", "tool_call_id": "c2", "content": "rain"},
    ]
    # A client that keeps the items itself asks the same.
    items = [{"role": "user", "content": "Hi"}, *response["output"], *second["input"]]
    assert to_chat({**second, "input": items}) == chat


def test_no_input_is_enough_where_something_was_said_before() -> None:
    earlier = [{"role": "user", "content": "Hi"}]
    assert to_chat({"model": "auto"}, earlier)["messages"] == earlier


ALLOWED = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "weather"}]}
IMAGE = {"type": "input_image", "image_url": "https://example.com/a.png"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [WEATHER, {"type": "web_search"}]}, "tools[1].type"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "tools[0].type"),
        ({"tools": [{"type": "computer_use_preview"}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "a"}]}, "tools[0].type"),
        ({"tools": ["weather"]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": {"type": "web_search_preview"}}, "tool_choice"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {**ALLOWED, "tools": [{"type": "mcp"}]}}, "tool_choice.tools[0]"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages"),
        ({"tools": [{**AGENTS, "tools": [WEATHER, AGENTS]}]}, "tools[0].tools[1].type"),
        ({"tools": [{**AGENTS, "tools": None}]}, "tools[0].tools"),
        ({"include": ["reasoning.encrypted_content", "file_search_call.results"]}, "include[1]"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format"),
        ({"text": "short"}, "text"),
        ({"text": {"length": 3}}, "text.length"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"instructions": ["Be kind."]}, "instructions"),
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["Hi"]}, "input[0]"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [{"id": "msg_1"}]}, "input[0]"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "sun"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [user()]}, "input[0].content"),
        ({"input": [user({"type": "text", "text": "Hi"})]}, "input[0].content[0].type"),
        ({"input": [user({"type": "input_text"})]}, "input[0].content[0].text"),
        ({"input": [user(IMAGE, {"type": "input_image", "file_id": "f"})]}, "input[0].content[1].file_id"),
        ({"input": [user({"type": "input_file", "file_url": "https://x"})]}, "input[0].content[0].file_url"),
        ({"input": [user({"type": "input_file", "detail": "low"})]}, "input[0].content[0].detail"),
        ({"input": [{"role": "assistant", "content": [IMAGE]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f"}]}, "input[0].arguments"),
        ({"input": [answered(1, [IMAGE])]}, "input[0].output[0].type"),
        ({"input": [{"type": "function_call_output", "output": "sun"}]}, "input[0].call_id"),
    ],
)  # fmt: skip
def test_unsupported_fields_are_refused_with_their_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestFieldError) as caught:
        to_chat({"model": "auto", "input": "Hi", **body})
    assert caught.value.param == param
    assert str(caught.value).startswith(f"{param}: ")
    assert "\n" not in str(caught.value)


EVERYTHING = {
    "model": "auto", "instructions": "Be kind.", "tools": [WEATHER], "reasoning": {"effort": "low"},
    "tool_choice": ALLOWED, "top_logprobs": 2,
    "text": {"format": {"type": "json_schema", "name": "city", "schema": SCHEMA}, "verbosity": "low"},
    "include": ["message.output_text.logprobs"], "truncation": "disabled", "parallel_tool_calls": True,
    "input": [
        user({"type": "input_text", "text": "Hi"}, IMAGE, {"type": "input_file", "file_data": "a"}),
        {"role": "assistant", "content": [{"type": "output_text", "text": "I"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}, call(1),
        answered(1, [{"type": "input_text", "text": "sun"}]), {"type": "reasoning", "id": "rs_1"},
    ],
}  # fmt: skip


def test_every_request_is_translated_or_refused() -> None:
    to_chat(EVERYTHING)
    refused: set[str] = set()
    for body in spoilt(EVERYTHING):
        try:
            MESSAGES.validate_python(to_chat(body)["messages"])
        except RequestFieldError as error:
            refused.add(error.param)
    assert len(refused) > 50
