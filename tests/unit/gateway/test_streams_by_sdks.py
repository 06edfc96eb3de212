"""Each API's stream as its official SDK reads it: text, tool calls and end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic

from pointsman.gateway.door import Door
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.web import web_app
from pointsman.runtime.clock import utc_now
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.outcomes import JobCompleted
from tests.support.gateway.heard import job

#: With what splits lines elsewhere, and what JSON writes as several characters.
TEXT = 'Größe\u2028 \r\n\x0c data: [DONE]\n\nevent: "x" \N{GRINNING FACE}'
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Bonn"}'}}
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
ASKED: Any = [{"role": "user", "content": "Hi"}]


class FakeDoor(Door):
    """All requests belong to one job, whose pieces and outcome exist."""

    def __init__(self, reply: JobReply) -> None:
        self._reply = reply
        self.settings, self.clock, self.closing = GatewaySettings(prefix="t"), utc_now, asyncio.Event()
        self._waits = set()
        awaited = contextlib.nullcontext
        self.jobs = cast(Any, SimpleNamespace(awaited=lambda *_, **__: awaited(), before=lambda _: None))

    def agent(self, request: Any) -> str:
        return "app"

    async def reply(self, *_: Any, **__: Any) -> JobReply:
        return self._reply

    async def body(self, request: Any) -> tuple[Json, bytes]:
        return await request.json(), b""


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    reply = JobReply(job(), 0, asyncio.get_running_loop().create_future())
    top = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas: list[Json] = [
        {"role": "assistant", "content": TEXT[:9]},
        {"content": TEXT[9:]},
        {"tool_calls": [{"index": 0, **CALL}]},
    ]
    for number, delta in enumerate(deltas):
        event = {**top, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        about: dict[str, Any] = {"job_id": reply.job_id, "agent_id": "app", "call": UUID(int=1)}
        reply.pieces.append(JobChunk(**about, index=number, events=(event,)))
    message = {"role": "assistant", "content": TEXT, "tool_calls": [CALL]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    whole = {**top, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    reply.end(
        JobCompleted(
            job_id=reply.job_id, agent_id="app", tier="small", attempts=1, cost_usd=None, provider="p",
            model="m", usage=None, response=whole,
        )
    )  # fmt: skip
    transport = httpx2.ASGITransport(app=web_app(FakeDoor(reply)))
    async with httpx2.AsyncClient(transport=transport) as client:
        yield client


async def test_a_chat(http: httpx2.AsyncClient) -> None:
    client = openai.AsyncOpenAI(base_url="http://gateway/v1", api_key="any", http_client=http)
    async with client.chat.completions.stream(model="auto", messages=ASKED) as stream:
        completion = await stream.get_final_completion()
    (choice,) = completion.choices
    assert (choice.message.content, choice.finish_reason) == (TEXT, "tool_calls")
    assert choice.message.tool_calls is not None
    assert choice.message.tool_calls[0].function.arguments == '{"town": "Bonn"}'


async def test_a_response(http: httpx2.AsyncClient) -> None:
    client = openai.AsyncOpenAI(base_url="http://gateway/v1", api_key="any", http_client=http)
    async with client.responses.stream(model="auto", input="Hi") as stream:
        events = [event async for event in stream]
        response = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert response.output_text == TEXT
    assert [item.type for item in response.output] == ["message", "function_call"]
    assert response.usage is not None and response.usage.total_tokens == 12


async def test_a_message(http: httpx2.AsyncClient) -> None:
    client = AsyncAnthropic(base_url="http://gateway", auth_token="any", http_client=http)
    async with client.messages.stream(model="auto", max_tokens=99, messages=ASKED) as stream:
        message = await stream.get_final_message()
    text, use = message.content
    assert (text.type == "text" and text.text, use.type == "tool_use" and use.input) == (
        TEXT,
        {"town": "Bonn"},
    )
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 7)
