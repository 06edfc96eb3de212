"""A job has the same outcome in every provider format: whole, streamed, and with each fault."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.dev.simulator import SimulatorSettings
from pointsman.worker.providers.streaming.completion_fold import CompletionFold
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from tests.support.running.simulated import serving
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.working import MODEL, Worker, provider_of

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "azure": ("", {"format": "azure", "api_version": "2024-10-21"}),
    "azure v1": ("/openai/v1", {"format": "azure"}),
    "anthropic": ("", {"format": "anthropic"}),
    "google": ("", {"format": "google"}),
}
TOOL: Json = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
CALL: Json = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Bonn","days":3}'},
}
ASKED: dict[str, Json] = {
    "plain": {"messages": [{"role": "user", "content": "Größe? 😀"}]},
    "system": {"messages": [{"role": "system", "content": "brief"}, {"role": "user", "content": "so?"}]},
    "cut": {"messages": [{"role": "user", "content": "at length"}], "max_tokens": 5},
    "stopped": {"messages": [{"role": "user", "content": "[say:one two three]"}], "stop": [" three"]},
    "a call": {"messages": [{"role": "user", "content": "[tool:weather]"}], "tools": [TOOL]},
    "its result": {
        "messages": [
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        ],
        "tools": [TOOL],
    },
    "by a schema": {
        "messages": [{"role": "user", "content": "as json"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": TOOL["function"]["parameters"]},
        },
    },
}
FAULTS: dict[str, Json] = {
    "rate limit": {"kind": "rate_limit", "retry_after_s": 0.01},
    "server error": {"kind": "server_error", "status": 503},
    "cut off": {"kind": "cut", "after": 0.7},
    "nonsense": {"kind": "malformed", "after": 0.5},
    "error in the answer": {"kind": "error_event", "after": 0.6},
    "nobody answers": {"kind": "hang"},
}


Workers = tuple[Worker, dict[str, Worker], list[Outgoing]]


@asynccontextmanager
async def workers(
    *faults: Json, **row: Any
) -> AsyncIterator[tuple[Worker, dict[str, Worker], list[Outgoing]]]:
    """One worker for OpenAI's format and one for each other format, and the pieces of their answers."""
    settings = SimulatorSettings.model_validate(
        {"latency_ms": {"small": 1}, "faults": [{"effect": fault} for fault in faults]}
    )
    sent: list[Outgoing] = []
    async with AsyncExitStack() as opened:
        url = await opened.enter_async_context(serving(settings))

        async def worker(address: str, **format: Any) -> Worker:
            provider = await opened.enter_async_context(provider_of(address, **format, **row))
            return Worker(provider, attempts=2, send_chunk=sent.append)

        others = {
            name: await worker(url.removesuffix("/v1") + path, **format)
            for name, (path, format) in FORMATS.items()
        }
        yield await worker(url), others, sent


def told(records: list[Outgoing]) -> Json:
    """Returns the outcome without the answer's id and time."""
    ended = outcome(records)
    assert isinstance(ended, JobCompleted)
    choice = ended.response["choices"][0]
    message = choice["message"]
    assert ended.response["object"] == "chat.completion"
    return {
        "role": message["role"],
        "content": message["content"],
        "refusal": message["refusal"],
        "tool_calls": [
            {name: value for name, value in call.items() if name != "extra_content"}  # Google's signatures
            for call in message.get("tool_calls", ())
        ],
        "finish": choice["finish_reason"],
        "usage": ended.usage,
        "model": ended.model,
        "cost": ended.cost_usd,
        "attempts": ended.attempts,
    }


def folded(sent: Sequence[Outgoing]) -> Json:
    fold = CompletionFold()
    for number, record in enumerate(sent):
        chunk = decode(Incoming(record.topic, 0, number, 0, record.key, record.value, tuple(record.headers)))
        assert isinstance(chunk, Decoded)
        assert isinstance(chunk.message, JobChunk)
        for event in chunk.message.events:
            assert event["object"] == "chat.completion.chunk"
            fold.add(event)
    return fold.body()


@pytest.mark.parametrize("stream", [False, True])
async def test_the_outcome_is_the_same_in_each_format(stream: bool) -> None:
    async with workers() as (openai, others, sent):
        for name, request in ASKED.items():
            expected = told(await openai.do(**request, stream=stream))
            assert expected["cost"] is not None
            for format, worker in others.items():
                sent.clear()
                records = await worker.do(**request, stream=stream)
                assert told(records) == expected, (format, name)
                if stream:
                    assert isinstance(ended := outcome(records), JobCompleted)
                    assert folded(sent) == ended.response, (format, name)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_ends_the_same_in_each_format(fault: str) -> None:
    async with workers(FAULTS[fault], timeout_s=0.5 if fault == "nobody answers" else 20) as (
        openai,
        others,
        _,
    ):
        for stream in (False, True):
            asked = (worker.do(**ASKED["plain"], stream=stream) for worker in (openai, *others.values()))
            expected, *rest = map(ended, await asyncio.gather(*asked))
            assert dict(zip(others, rest, strict=True)) == dict.fromkeys(others, expected), stream


async def test_a_prompt_that_is_filtered_has_one_reason_everywhere() -> None:
    """Costs differ: some providers refuse the request, others answer with a refusal."""
    async with workers({"kind": "content_filter"}) as (openai, others, _):
        for worker in (openai, *others.values()):
            for stream in (False, True):
                failed = outcome(await worker.do(**ASKED["plain"], stream=stream))
                assert isinstance(failed, JobFailed)
                assert (failed.reason, failed.attempts) == ("content_filter", 1)


def ended(records: list[Outgoing]) -> list[Any]:
    """How a job and its calls failed, and what was kept of the answer."""
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    return [
        (failed.reason, failed.attempts, failed.cost_usd),
        *(
            (call.status, call.error_type, call.http_status, call.usage, partial(call.response))
            for call in calls(records)
        ),
    ]


def partial(response: Json | None) -> bool:
    """Whether part of an answer is kept."""
    choices = (response or {}).get("choices") or [{}]
    return bool(choices[0].get("message", {}).get("content"))


@pytest.mark.parametrize("format", FORMATS)
async def test_an_unsupported_request_is_refused_before_the_call(format: str) -> None:
    if format.startswith("azure"):
        return
    async with workers() as (_, others, _sent):
        records = await others[format].do(**ASKED["plain"], n=2)
        (call,) = calls(records)
    assert isinstance(failed := outcome(records), JobFailed)
    assert (failed.reason, failed.cost_usd, call.http_status) == ("bad_request", 0, None)
    assert f"tiny was not asked, as its format ({format}) cannot say it: n: " in failed.message
    assert call.model == MODEL
