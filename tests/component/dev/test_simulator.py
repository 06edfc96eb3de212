"""The simulated provider over HTTP, called with the official SDK."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk

from pointsman.dev.simulator import SimulatorSettings
from tests.support.running.simulated import serving

HELLO: Any = [{"role": "user", "content": "Hello, what is new?"}]
KEY = "sk-a-secret-that-must-not-be-kept"


class Sim:
    """The SDK and the `/_sim/` endpoints of one running simulator."""

    def __init__(self, sdk: AsyncOpenAI, control: httpx2.AsyncClient) -> None:
        self.sdk = sdk
        self.control = control

    async def ask(self, messages: Any = HELLO, *, model: str = "gpt-4.1-nano", **more: Any) -> Any:
        return await self.sdk.chat.completions.create(model=model, messages=messages, **more)

    async def order(self, **rule: Any) -> None:
        (await self.control.post("/_sim/faults", json=[rule])).raise_for_status()

    async def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = (await self.control.get("/_sim/stats")).json()
        return stats

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while not condition(stats := await self.stats()):  # noqa: ASYNC110 - it is told over HTTP only
                await asyncio.sleep(0.01)
        return stats


@asynccontextmanager
async def running(settings: SimulatorSettings) -> AsyncIterator[Sim]:
    async with (
        serving(settings) as url,
        AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=20) as sdk,
        httpx2.AsyncClient(base_url=url.removesuffix("/v1")) as control,
    ):
        yield Sim(sdk, control)


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    async with running(SimulatorSettings(latency_ms={"small": 0, "medium": 0, "frontier": 0})) as started:
        yield started


async def gone(call: Awaitable[Any]) -> None:
    """Fails because no answer comes in time."""
    with pytest.raises(openai.APITimeoutError):
        await call


async def test_answers_plain_and_streamed_are_the_same(sim: Sim) -> None:
    plain = await sim.ask(model="gpt-4.1")
    assert plain.model == "gpt-4.1-2025-04-14"
    assert plain._request_id.startswith("req_")
    stream = await sim.ask(model="gpt-4.1", stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump())
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == plain.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage == plain.usage
    assert len({c.id for c in chunks}) == 1


async def test_a_stream_without_usage_has_none(sim: Sim) -> None:
    chunks = [chunk async for chunk in await sim.ask(stream=True)]
    assert all(chunk.usage is None for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)


async def test_streamed_tool_calls_and_logprobs(sim: Sim) -> None:
    tools = [
        {"type": "function", "function": {"name": "look", "parameters": {"const": {"where": "in the shed"}}}}
    ]
    stream = await sim.ask(tools=tools, tool_choice="required", stream=True)
    deltas = [c.choices[0].delta.tool_calls[0] async for c in stream if c.choices[0].delta.tool_calls]
    assert deltas[0].function.name == "look"
    assert "".join(d.function.arguments for d in deltas) == '{"where":"in the shed"}'
    chunks = [c async for c in await sim.ask(stream=True, logprobs=True, n=2)]
    for index in (0, 1):
        mine = [c.choices[0] for c in chunks if c.choices[0].index == index]
        tokens = "".join(entry.token for c in mine if c.logprobs for entry in c.logprobs.content)
        assert tokens == "".join(c.delta.content or "" for c in mine) != ""


async def test_every_answer_has_its_own_id(sim: Sim) -> None:
    answers = await asyncio.gather(*(sim.ask() for _ in range(20)))
    assert len({answer.id for answer in answers}) == 20
    assert len({answer.choices[0].message.content for answer in answers}) == 1


async def test_models_are_listed(sim: Sim) -> None:
    names = [model.id async for model in sim.sdk.models.list()]
    assert {"gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1"} <= set(names)
    assert (await sim.sdk.models.retrieve("gpt-4.1")).id == "gpt-4.1"
    with pytest.raises(openai.NotFoundError):
        await sim.sdk.models.retrieve("gpt-17")
    with pytest.raises(openai.AuthenticationError):
        await sim.sdk.with_options(default_headers={"Authorization": "none"}).models.list()


async def test_refusals_arrive_as_the_sdks_errors(sim: Sim) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await sim.ask(model="gpt-17")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as hot:
        await sim.ask(temperature="hot")
    assert (hot.value.param, hot.value.type) == ("temperature", "invalid_request_error")
    with pytest.raises(openai.AuthenticationError):
        await sim.ask(extra_headers={"Authorization": "Basic abc"})
    with pytest.raises(openai.NotFoundError) as nowhere:
        await sim.sdk.completions.create(model="gpt-4.1", prompt="x")
    assert nowhere.value.code == "unknown_url"


async def test_requests_are_recorded_without_the_key(sim: Sim) -> None:
    await sim.ask(extra_body={"brand_new": [1]}, extra_headers={"x-pointsman-job": "j-1"})
    with pytest.raises(openai.BadRequestError):
        await sim.ask([])
    response = await sim.control.get("/_sim/requests")
    assert KEY not in response.text
    first, second = response.json()
    assert first["body"] == {"model": "gpt-4.1-nano", "messages": HELLO, "brand_new": [1]}
    assert (first["job"], first["status"], first["ended"]) == ("j-1", 200, "answered")
    assert (second["job"], second["status"], second["serial"]) == (None, 400, first["serial"] + 1)
    await sim.control.delete("/_sim/requests")
    assert (await sim.control.get("/_sim/requests")).json() == []
    assert (await sim.stats())["total"] == 2
    await sim.control.delete("/_sim/stats")
    assert (await sim.stats())["total"] == 0


async def test_only_the_last_requests_are_kept() -> None:
    async with running(SimulatorSettings(keep=3, latency_ms={"small": 0})) as sim:
        for i in range(5):
            await sim.ask(user=str(i))
        kept = (await sim.control.get("/_sim/requests")).json()
    assert [entry["body"]["user"] for entry in kept] == ["2", "3", "4"]


async def test_calls_are_counted_by_job_and_agent_and_in_flight(sim: Sim) -> None:
    await sim.order(effect={"kind": "hang"}, job="j-hang")
    hung = [
        asyncio.create_task(sim.ask(extra_headers={"x-pointsman-job": "j-hang", "x-pointsman-agent": "a"}))
        for _ in range(5)
    ]
    await sim.until(lambda stats: stats["in_flight"] == 5)
    await sim.ask(extra_headers={"x-pointsman-job": "j-fine"})
    for task in hung:
        task.cancel()
    await asyncio.gather(*hung, return_exceptions=True)
    stats = await sim.until(lambda stats: stats["in_flight"] == 0)
    assert stats["jobs"] == {"j-hang": 5, "j-fine": 1}
    assert stats["agents"] == {"a": 5}
    assert stats["max_in_flight"] == 6
    assert stats["ended"] == {"abandoned": 5, "answered": 1}
    assert (stats["total"], stats["statuses"]) == (6, {"200": 1})


async def test_a_client_that_leaves_while_it_waits_is_noticed(sim: Sim) -> None:
    await sim.order(effect={"kind": "latency", "ms": 600_000})
    await gone(sim.ask(timeout=0.2))
    stats = await sim.until(lambda stats: stats["in_flight"] == 0)
    assert stats["ended"] == {"abandoned": 1}


async def test_base_latency_is_per_tier_or_model() -> None:
    slow = SimulatorSettings(latency_ms={"medium": 600_000, "gpt-4.1-nano": 0, "small": 600_000})
    async with running(slow) as sim:
        await sim.ask(model="gpt-4.1-nano")
        await gone(sim.ask(model="gpt-4.1-mini", timeout=0.2))


async def test_a_stopped_server_sends_nothing_more() -> None:
    async with running(SimulatorSettings()) as sim:
        url = str(sim.sdk.base_url)
    async with AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as late:
        with pytest.raises(openai.APIConnectionError):
            await late.models.list()


async def test_embeddings_depend_on_the_input_and_agree_in_both_encodings(sim: Sim) -> None:
    model = "text-embedding-3-small"
    both = await sim.sdk.embeddings.create(model=model, input=["one", "two"], dimensions=8)
    plain = await sim.sdk.embeddings.create(model=model, input="one", dimensions=8, encoding_format="float")
    first, second = (item.embedding for item in both.data)
    assert first != second
    assert plain.data[0].embedding == pytest.approx(first, rel=1e-6)
    assert sum(value * value for value in first) == pytest.approx(1, rel=1e-5)
    assert plain.usage.total_tokens == 1
    with pytest.raises(openai.BadRequestError, match="input"):
        await sim.sdk.embeddings.create(model=model, input="")
    await sim.order(effect={"kind": "rate_limit", "retry_after_s": 1})
    with pytest.raises(openai.RateLimitError):
        await sim.sdk.embeddings.create(model=model, input="one")
