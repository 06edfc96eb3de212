"""Requests by Anthropic's SDK and by the worker are the same on the wire, and so are the answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from pointsman.dev.simulator import SimulatorSettings
from pointsman.worker.calls.answer import Answer, Failure
from pointsman.worker.providers import as_sent
from tests.conformance.test_openai_chat import KEY, by_us, told
from tests.conformance.test_streamed_answer import by_us as called
from tests.support.running.simulated import serving
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import MODEL, in_turn, provider_of

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PNG = "iVBORw0KGgo="
CACHED = {"type": "ephemeral", "ttl": "1h"}
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Größe? 😀\n\u2028"}]}
NATIVE: dict[str, Any] = {"max_tokens": 8192, **ASKED}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bonn"}'}}
TOOL = {"type": "function", "function": {"name": "weather", "description": "now", "parameters": SCHEMA}}
NATIVE_TOOL = {"name": "weather", "description": "now", "input_schema": SCHEMA}

#: What a job asks for, and what Anthropic's own client is told to ask for the same.
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": (ASKED, NATIVE),
    "bounds": (
        {**ASKED, "max_tokens": 5, "temperature": 1, "top_p": 1.0, "stop": ["a", "b"], "user": "u-7"},
        {
            **NATIVE,
            "max_tokens": 5,
            "stop_sequences": ["a", "b"],
            "metadata": {"user_id": "u-7"},
        },
    ),
    "what says nothing": (
        {
            **ASKED,
            "n": 1,
            "logprobs": False,
            "seed": None,
            "frequency_penalty": 0,
            "tools": [],
            "store": True,
            "parallel_tool_calls": True,
            "response_format": {"type": "text"},
            "modalities": ["text"],
        },
        NATIVE,
    ),
    "the system in between": (
        {
            "messages": [
                {"role": "system", "content": "be brief"},
                *ASKED["messages"],
                {"role": "assistant", "content": "size"},
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": "what?"},
            ]
        },
        {
            "max_tokens": 8192,
            "system": "be brief",
            "messages": [
                *ASKED["messages"],
                {"role": "assistant", "content": "size"},
                {"role": "system", "content": "be kind"},
                {"role": "user", "content": "what?"},
            ],
        },
    ),
    "system": (
        {"messages": [{"role": "developer", "content": "be brief"}, *ASKED["messages"]]},
        {**NATIVE, "system": "be brief"},
    ),
    "marks for the cache": (
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "long", "cache_control": CACHED}]},
                {"role": "system", "content": "and short"},
                {"role": "user", "content": "so?", "cache_control": {"type": "ephemeral"}},
            ],
            "tools": [{**TOOL, "cache_control": {"type": "ephemeral"}}],
        },
        {
            "max_tokens": 8192,
            "system": [
                {"type": "text", "text": "long", "cache_control": CACHED},
                {"type": "text", "text": "and short"},
            ],
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "so?", "cache_control": {"type": "ephemeral"}}],
                }
            ],
            "tools": [{**NATIVE_TOOL, "cache_control": {"type": "ephemeral"}}],
        },
    ),
    "pictures and documents": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what is it?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        {"type": "image_url", "image_url": {"url": "https://a.test/p.png", "detail": "low"}},
                        {
                            "type": "file",
                            "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"},
                        },
                    ],
                }
            ]
        },
        {
            "max_tokens": 8192,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what is it?"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                        },
                        {"type": "image", "source": {"type": "url", "url": "https://a.test/p.png"}},
                        {
                            "type": "document",
                            "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
                            "title": "a.pdf",
                        },
                    ],
                }
            ],
        },
    ),
    "calls and their results": (
        {
            "messages": [
                *ASKED["messages"],
                {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "a.b"}]},
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                {"role": "tool", "tool_call_id": "a.b", "content": [{"type": "text", "text": "sun"}]},
                {"role": "user", "content": "and now?"},
            ],
            "tools": [TOOL],
            "tool_choice": "required",
            "parallel_tool_calls": False,
        },
        {
            "max_tokens": 8192,
            "messages": [
                *ASKED["messages"],
                {
                    "role": "assistant",
                    "content": [
                        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bonn"}},
                        {
                            "type": "tool_use",
                            "id": "toolu_879cc440ef468e0d4630a9b7",
                            "name": "weather",
                            "input": {"city": "Bonn"},
                        },
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_879cc440ef468e0d4630a9b7",
                            "content": "sun",
                        },
                        {"type": "text", "text": "and now?"},
                    ],
                },
            ],
            "tools": [NATIVE_TOOL],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        },
    ),
    "a call that must be, and its thoughts before": (
        {
            "messages": [
                *ASKED["messages"],
                {
                    "role": "assistant",
                    "content": "hm",
                    "reasoning_content": "rain?",
                    "thinking_blocks": [{"type": "thinking", "thinking": "rain?", "signature": "c2ln"}],
                    "tool_calls": [CALL],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
            ],
            "tools": [{"type": "function", "function": {"name": "weather", "strict": True}}],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "thinking": {"type": "enabled", "budget_tokens": 2000},
        },
        {
            "max_tokens": 10192,
            "messages": [
                *ASKED["messages"],
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "rain?", "signature": "c2ln"},
                        {"type": "text", "text": "hm"},
                        {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bonn"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "rain"}],
                },
            ],
            "tools": [
                {"name": "weather", "input_schema": {"type": "object", "properties": {}}, "strict": True}
            ],
            "tool_choice": {"type": "tool", "name": "weather"},
            "thinking": {"type": "enabled", "budget_tokens": 2000},
        },
    ),
    "an answer by a schema, with effort": (
        {
            **ASKED,
            "reasoning_effort": "medium",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            },
        },
        {
            **NATIVE,
            "output_config": {"effort": "medium", "format": {"type": "json_schema", "schema": SCHEMA}},
        },
    ),
}


@asynccontextmanager
async def sdk(url: str) -> AsyncIterator[AsyncAnthropic]:
    http_client = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    async with AsyncAnthropic(
        api_key=KEY, base_url=url.removesuffix("/v1"), max_retries=0, http_client=http_client
    ) as client:
        yield client


def as_theirs(ours: Asked) -> tuple[str, dict[str, str], Any]:
    """Sends the key in the `x-api-key` header, as the API documents it."""
    line, headers, body = told(ours)
    key = headers.pop("x-api-key")
    return line, {**headers, "authorization": f"Bearer {key}"}, body


@pytest.mark.parametrize(("pair", "path"), [*((pair, "") for pair in PAIRS), ("plain", "/v1/")])
async def test_a_request_is_the_same_on_the_wire(pair: str, path: str) -> None:
    chat, native = PAIRS[pair]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
               "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    async with tiny_provider(in_turn(http(body=message))) as tiny:
        address = tiny.base_url.removesuffix("/v1") + path
        result = await by_us(address, {"model": "claude-haiku-5-5", **chat}, format="anthropic")
        assert isinstance(result, Answer), result
        async with sdk(tiny.base_url) as client:
            await client.messages.create(model="claude-haiku-5-5", **native)
    ours, theirs = tiny.asked
    assert as_theirs(ours) == told(theirs)
    assert ours.headers["x-api-key"] == KEY


async def test_a_stream_is_asked_for_in_the_same_way() -> None:
    async with tiny_provider(in_turn(http(400, {"error": {"message": "no"}}))) as tiny:
        await by_us(tiny.base_url, as_sent({**ASKED, "stream": True}, "m", streamed=True), format="anthropic")
        async with sdk(tiny.base_url) as client:
            with pytest.raises(anthropic.BadRequestError):
                await client.messages.create(model="m", stream=True, **NATIVE)
    ours, theirs = tiny.asked
    assert as_theirs(ours) == told(theirs)


async def test_the_older_version_takes_what_is_drawn_how() -> None:
    request = {**ASKED, "model": "m", "temperature": 0.2, "top_p": 0.9, "top_k": 3}
    async with tiny_provider(in_turn(http(400, {"error": {"message": "no"}}))) as tiny:
        await by_us(tiny.base_url, request, format="anthropic", api_version="2023-06-01")
        refused = await by_us(tiny.base_url, request, format="anthropic")
    (ours,) = tiny.asked
    assert ours.headers["anthropic-version"] == "2023-06-01"
    assert ours.json == {"model": "m", **NATIVE, "temperature": 0.2, "top_p": 0.9, "top_k": 3}
    assert isinstance(refused, Failure)
    assert "cannot say it: temperature: " in refused.message


TALKS = [
    "plain",
    "bounds",
    "marks for the cache",
    "calls and their results",
    "an answer by a schema, with effort",
]


@pytest.mark.parametrize("pair", TALKS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_is_what_the_official_client_found(pair: str, streamed: bool) -> None:
    chat, native = PAIRS[pair]
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with serving(settings) as url, provider_of(url, format="anthropic") as provider, sdk(url) as client:
        result, events = await called(provider, chat, streamed=streamed)
        if streamed:
            async with client.messages.stream(model=MODEL, **native) as stream:
                theirs = await stream.get_final_message()
            assert len(events) > 2
        else:
            theirs = await client.messages.create(model=MODEL, **native)
    assert isinstance(result, Answer)
    choice, usage = result.response["choices"][0], result.usage
    assert usage is not None
    texts = "".join(block.text for block in theirs.content if block.type == "text")
    assert (choice["message"]["content"] or "") == texts
    calls = [(block.id, block.name, block.input) for block in theirs.content if block.type == "tool_use"]
    ours = [
        (call["id"], call["function"]["name"], anthropic_input(call))
        for call in choice["message"].get("tool_calls", ())
    ]
    assert ours == calls
    assert result.model == theirs.model
    read, wrote = theirs.usage.cache_read_input_tokens or 0, theirs.usage.cache_creation_input_tokens or 0
    assert (usage.cached_tokens, usage.cache_write_tokens) == (read, wrote)
    assert usage.input_tokens == theirs.usage.input_tokens + read + wrote
    assert usage.output_tokens == theirs.usage.output_tokens
    assert (read > 0) == (pair == "marks for the cache")


def anthropic_input(call: dict[str, Any]) -> Any:
    return json.loads(call["function"]["arguments"])


@pytest.mark.parametrize(
    ("kind", "error"),
    [("rate_limit", anthropic.RateLimitError), ("server_error", anthropic.InternalServerError),
     ("content_filter", anthropic.BadRequestError)],
)  # fmt: skip
async def test_an_error_is_one_for_both(kind: str, error: type[anthropic.APIStatusError]) -> None:
    settings = SimulatorSettings.model_validate({"faults": [{"effect": {"kind": kind}}]})
    async with serving(settings) as url, provider_of(url, format="anthropic") as provider, sdk(url) as client:
        result, _ = await called(provider, ASKED, streamed=False)
        with pytest.raises(error) as theirs:
            await client.messages.create(model=MODEL, **NATIVE)
    assert isinstance(result, Failure)
    assert result.http_status == theirs.value.status_code
    assert result.response is not None
    assert result.response["error"] == theirs.value.body["error"]  # type: ignore[index]
