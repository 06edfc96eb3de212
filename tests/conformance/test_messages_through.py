"""A request by Anthropic's SDK reaches an Anthropic provider through the gateway as if sent directly.

The gateway's and the worker's translations stand one behind the other here, with the job's record between.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
import pytest
from anthropic import AsyncAnthropic

from pointsman.dev.simulator import SimulatorSettings
from pointsman.gateway.anthropic.events import MessageEvents
from pointsman.gateway.anthropic.request import to_chat
from pointsman.gateway.anthropic.response import to_message
from pointsman.gateway.stream import ChatStream
from pointsman.worker.calls.answer import Answer, Failure
from pointsman.worker.providers import Provider, as_sent
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.jobs import ChatRequest
from tests.conformance.test_anthropic_messages import sdk
from tests.conformance.test_streamed_answer import by_us
from tests.support.running.simulated import serving
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import MODEL, in_turn, provider_of

SHORT, LONG = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}
PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
PDF = {**PNG, "media_type": "application/pdf"}
THOUGHT = {"type": "thinking", "thinking": "rain?", "signature": "c2lnbmVk"}
HIDDEN = {"type": "redacted_thinking", "data": "c2VjcmV0"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Bonn"}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "weather", "description": "now", "input_schema": SCHEMA}
ASKED: Json = {"max_tokens": 4_000, "messages": [{"role": "user", "content": "Rain in Bonn?"}]}


def turns(*more: Json) -> list[Json]:
    return [*ASKED["messages"], *more]


def answered(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def result(**fields: Any) -> Json:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", **fields}]}


TEXT = {"type": "text", "text": "I look."}
CASES: dict[str, Json] = {
    "plain": ASKED,
    "one mark for all": {**ASKED, "cache_control": LONG},
    "marks wherever they may be": {
        "max_tokens": 4_000,
        "system": [{"type": "text", "text": "long", "cache_control": LONG}, {"type": "text", "text": "b"}],
        "tools": [TOOL, {**TOOL, "name": "trains", "cache_control": LONG}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Rain?", "cache_control": SHORT},
                    {"type": "image", "source": PNG, "cache_control": SHORT},
                    {"type": "document", "source": PDF, "cache_control": SHORT},
                ],
            },
            answered({**TEXT, "cache_control": SHORT}, {**USE, "cache_control": SHORT}),
            result(content="rain", cache_control=SHORT),
        ],
    },
    "marks within a result": {
        **ASKED,
        "tools": [TOOL],
        "messages": turns(
            answered(USE),
            result(content=[{"type": "text", "text": "rain", "cache_control": SHORT}, TEXT]),
        ),
    },
    "thoughts before a call": {
        **ASKED,
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "tools": [TOOL],
        "messages": turns(answered(THOUGHT, HIDDEN, TEXT, USE), result(content="rain")),
    },
    "thoughts in between": {
        **ASKED,
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "max"},
        "tools": [TOOL],
        "messages": turns(answered(THOUGHT, TEXT, THOUGHT, USE), result(content="rain")),
    },
    "nothing but thoughts": {**ASKED, "messages": turns(answered(THOUGHT), *ASKED["messages"])},
    "no thoughts": {**ASKED, "thinking": {"type": "disabled"}},
    "pictures from a tool that failed": {
        **ASKED,
        "tools": [{**TOOL, "eager_input_streaming": True}],
        "messages": turns(
            answered(USE), result(content=[TEXT, {"type": "image", "source": PNG}], is_error=True)
        ),
    },
    "a document by its address": {
        **ASKED,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "document", "source": {"type": "url", "url": "https://a.test/b"}, "title": "b"},
                    {"type": "document", "source": {"type": "url", "url": "https://a.test/c"}},
                ],
            }
        ],
    },
    "documents": {
        **ASKED,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "document", "source": PDF},
                    {"type": "document", "source": PDF, "title": "b.pdf", "context": "of 2020"},
                    {
                        "type": "document",
                        "title": "notes",
                        "cache_control": SHORT,
                        "source": {"type": "text", "media_type": "text/plain", "data": "rain"},
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://a.test/p.png"}},
                ],
            }
        ],
    },
}


def through(body: Json) -> Json:
    """The job's request as the worker reads it from its record."""
    chat = ChatRequest.model_validate(to_chat(body))
    return ChatRequest.model_validate_json(chat.model_dump_json()).model_dump(mode="json", exclude_unset=True)


def in_blocks(value: Any) -> Any:
    """A text and one text block mean the same in the API."""
    match value:
        case {"content": str(text)}:
            return in_blocks({**value, "content": [{"type": "text", "text": text}]})
        case dict():
            return {name: in_blocks(member) for name, member in value.items()}
        case list():
            return [in_blocks(member) for member in value]
        case _:
            return value


@pytest.mark.parametrize("case", CASES)
async def test_a_request_reaches_the_provider_as_it_was(case: str) -> None:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
               "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    async with tiny_provider(in_turn(http(body=message))) as tiny:
        async with sdk(tiny.base_url) as client:
            await client.messages.create(model="claude-haiku-5-5", **CASES[case])
        (direct,) = tiny.asked
        async with provider_of(tiny.base_url, format="anthropic") as provider:
            await ask(provider, through(direct.json), "claude-haiku-5-5")
    ours = tiny.asked[1]
    assert in_blocks(ours.json) == in_blocks(direct.json)


@pytest.mark.parametrize("case", CASES)
async def test_other_providers_get_the_supported_fields(case: str) -> None:
    async with tiny_provider(in_turn(http())) as tiny, provider_of(tiny.base_url) as provider:
        asked = await ask(provider, through({"model": "m", **CASES[case]}), "m")
    if case == "pictures from a tool that failed":
        assert isinstance(asked, Failure) and "messages[2].content: " in asked.message
        return
    if case == "a document by its address":
        assert isinstance(asked, Failure) and "messages[0].content[0]: document URLs" in asked.message
        assert not tiny.asked
        return
    body = tiny.asked[0].body.decode()
    for ours in ("cache_control", "thinking_blocks", "anthropic", "signature", "is_error"):
        assert ours not in body
    messages = tiny.asked[0].json["messages"]
    assert all(message["content"] or message.get("tool_calls") for message in messages)


async def test_top_k_is_passed_on() -> None:
    body = {"model": "m", **ASKED, "top_k": 5}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
               "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    async with tiny_provider(in_turn(http(body=message))) as tiny:
        async with provider_of(tiny.base_url, format="anthropic", api_version="2023-06-01") as provider:
            await ask(provider, through(body), "m")
        async with provider_of(tiny.base_url) as provider:
            await ask(provider, through(body), "m")
    assert [asked.json["top_k"] for asked in tiny.asked] == [5, 5]


async def test_other_providers_are_told_of_failed_tools() -> None:
    body = {"model": "m", **CASES["thoughts before a call"]}
    body["messages"] = turns(answered(USE), result(content="no such city", is_error=True))
    async with tiny_provider(in_turn(http())) as tiny, provider_of(tiny.base_url) as provider:
        await ask(provider, through(body), "m")
        google = http(body={"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]})
        tiny.respond = in_turn(google)
        async with provider_of(tiny.base_url, format="google") as other:
            del body["thinking"]
            await ask(other, through(body), "m")
    assert tiny.asked[0].json["messages"][-1]["content"] == "The tool failed: no such city"
    parts = tiny.asked[1].json["contents"][-1]["parts"]
    assert parts[0]["functionResponse"]["response"] == {"error": "no such city"}


async def test_requests_in_openais_format_are_unchanged() -> None:
    """Other gateways that speak OpenAI's format know these marks."""
    part = {"type": "text", "text": "x", "cache_control": SHORT}
    request = {"messages": [{"role": "user", "content": [part]}]}
    async with tiny_provider(in_turn(http())) as tiny, provider_of(tiny.base_url) as provider:
        await ask(provider, request, "m")
    assert tiny.asked[0].json["messages"][0]["content"] == [part]


async def ask(provider: Provider, request: Json, model: str) -> Any:
    return await provider.call(as_sent(request, model), job_id=UUID(int=7), agent_id="tester")


@asynccontextmanager
async def gateway(provider: Provider) -> AsyncIterator[AsyncAnthropic]:
    """A server that only does the two translations."""

    async def respond(asked: Asked) -> bytes:
        body = asked.json
        request, streamed = through(body), bool(body.get("stream"))
        answer, events = await by_us(provider, request, streamed=streamed)
        assert isinstance(answer, Answer), answer
        if not streamed:
            return http(body=to_message(answer.response, answer.model or ""))
        chat, shape = ChatStream(include_usage=True), MessageEvents()
        piece = JobChunk(job_id=UUID(int=7), agent_id="a", call=UUID(int=1), index=0, events=tuple(events))
        chunks = [*chat.feed(piece), *chat.end(answer.response)]
        all_events = [event for chunk in chunks for event in shape.feed(chunk)] + shape.end(answer.response)
        return http(
            body=b"".join(
                b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(event))
                for name, event in all_events
            )
        ).replace(b"application/json", b"text/event-stream")

    async with tiny_provider(respond) as front, sdk(front.base_url) as client:
        yield client


Ask = Callable[[AsyncAnthropic, Json], Awaitable[Any]]


async def whole(client: AsyncAnthropic, body: Json) -> Any:
    return await client.messages.create(model=MODEL, **body)


async def streamed(client: AsyncAnthropic, body: Json) -> Any:
    async with client.messages.stream(model=MODEL, **body) as stream:
        return await stream.get_final_message()


THINKS: Json = {**CASES["thoughts before a call"], "cache_control": LONG}


@pytest.mark.parametrize("how", [whole, streamed])
async def test_an_answer_comes_back_as_it_was(how: Ask) -> None:
    """The second request sends back the thinking blocks of the first, which need their signature."""
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with (
        serving(settings) as url,
        provider_of(url, format="anthropic") as provider,
        sdk(url) as direct,
        gateway(provider) as client,
    ):
        body = {**THINKS, "messages": [{"role": "user", "content": "[tool:weather]"}], "cache_control": LONG}
        for _ in range(2):
            ours, theirs = await how(client, body), await how(direct, body)
            assert ours.content[0].type == "thinking"
            assert json.loads(ours.model_dump_json(include={"content", "stop_reason"})) == json.loads(
                theirs.model_dump_json(include={"content", "stop_reason"})
            )
            counters = ("input_tokens", "output_tokens", "cache_read_input_tokens")
            for name in (*counters, "cache_creation_input_tokens", "output_tokens_details"):
                assert getattr(ours.usage, name) == getattr(theirs.usage, name), name
            if how is whole:  # a stream tells it at its beginning only, when it is not known here
                assert ours.usage.cache_creation == theirs.usage.cache_creation
                assert ours.usage.cache_creation.ephemeral_1h_input_tokens > 0
            uses = [block for block in ours.content if block.type == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"} for use in uses]
            content = [block.model_dump(exclude_none=True) for block in ours.content]
            more = [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
            body = {**body, "messages": [*body["messages"], *more]}
