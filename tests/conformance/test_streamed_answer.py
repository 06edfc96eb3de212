"""A streamed answer adds up to the same answer as without streaming."""

from typing import Any
from uuid import UUID

import openai
import pytest

from pointsman.dev.simulator import SimulatorSettings
from pointsman.worker.calls.answer import Answer, Result
from pointsman.worker.calls.chunks import CallChunks
from pointsman.worker.providers import Provider, as_sent
from pointsman_schemas.base import Json
from tests.support.running.simulated import serving
from tests.support.worker.working import MODEL, provider_of

TOOLS: list[Json] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
            },
        },
    }
    for name in ("weather", "trains")
]
ASKED: list[Json] = [
    {"messages": [{"role": "user", "content": "Größe? 😀"}]},
    {"messages": [{"role": "user", "content": "[say:4]"}], "logprobs": True, "top_logprobs": 2},
    {"messages": [{"role": "user", "content": "how so"}], "logprobs": True},
    {"messages": [{"role": "user", "content": "of three"}], "n": 3},
    {"messages": [{"role": "user", "content": "of two"}], "n": 2, "logprobs": True},
    {"messages": [{"role": "user", "content": "cut"}], "max_tokens": 5},
    {"messages": [{"role": "user", "content": "[tool:weather]"}], "tools": TOOLS},
    {"messages": [{"role": "user", "content": "[tool:weather] [tool:trains]"}], "tools": TOOLS},
    {"messages": [{"role": "user", "content": "[tool:trains]"}], "tools": TOOLS, "n": 2},
    {
        "messages": [{"role": "user", "content": "as json"}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": TOOLS[0]["function"]["parameters"]},
        },
    },
]


async def by_us(provider: Provider, request: Json, *, streamed: bool) -> tuple[Result, list[Json]]:
    events: list[Json] = []
    chunks = CallChunks(lambda index, more: events.extend(more)) if streamed else None
    sent = as_sent(request, MODEL, streamed=streamed)
    return await provider.call(sent, job_id=UUID(int=7), agent_id="tester", chunks=chunks), events


def told(response: Json) -> Json:
    """The answer without the call's id and time, and without empty annotations, which streams do not have."""
    kept = {name: value for name, value in response.items() if name not in ("id", "created")}
    for choice in kept["choices"]:
        if choice["message"].get("annotations") == []:
            del choice["message"]["annotations"]
    return kept


@pytest.mark.parametrize("gap_ms", [0, 0.1])
async def test_it_is_the_same_answer(gap_ms: float) -> None:
    """With a gap each event arrives separately, without one all arrive together."""
    faults = [{"effect": {"kind": "slow_stream", "gap_ms": gap_ms}}] if gap_ms else []
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}, "faults": faults})
    async with serving(settings) as url, provider_of(url) as provider:
        for request in ASKED:
            whole, _ = await by_us(provider, request, streamed=False)
            streamed, events = await by_us(provider, request, streamed=True)
            assert isinstance(whole, Answer)
            assert isinstance(streamed, Answer)
            assert len(events) > 2
            assert told(streamed.response) == told(whole.response)
            assert (streamed.usage, streamed.model) == (whole.usage, whole.model)


async def test_it_is_what_the_official_client_makes_of_the_stream() -> None:
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with serving(settings) as url, provider_of(url) as provider:
        http_client = openai.DefaultAioHttpClient(trust_env=False)
        async with openai.AsyncOpenAI(api_key="k", base_url=url, http_client=http_client) as client:
            for request in ASKED:
                if {"max_tokens", "response_format"} & request.keys():
                    continue  # it parses such answers, or raises an error for them
                ours, _ = await by_us(provider, request, streamed=True)
                asked: Any = {"model": MODEL, "stream_options": {"include_usage": True}, **request}
                async with client.chat.completions.stream(**asked) as stream:
                    theirs = (await stream.get_final_completion()).model_dump()
                for choice in theirs["choices"]:
                    choice["message"].pop("parsed", None)
                    for call in choice["message"].get("tool_calls") or ():
                        del call["index"]
                        call["function"].pop("parsed_arguments", None)
                assert isinstance(ours, Answer)
                assert _without_none(told(ours.response)) == _without_none(told(theirs))


def _without_none(value: Any) -> Any:
    match value:
        case dict():
            return {name: _without_none(member) for name, member in value.items() if member is not None}
        case list():
            return [_without_none(member) for member in value]
        case _:
            return value
