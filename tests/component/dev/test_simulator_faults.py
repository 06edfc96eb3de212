"""Every configurable fault of the simulated provider, called with the official SDK."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from pointsman.dev.simulator import FaultRule, SimulatorSettings
from tests.support.running.simulated import serving

from .test_simulator import HELLO, KEY, Sim, gone, running

FAST = {"small": 0, "medium": 0, "frontier": 0}


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    async with running(SimulatorSettings(latency_ms=FAST)) as started:
        yield started


@pytest.mark.parametrize(("given", "header"), [(2, "2"), (0.25, "0.25"), (None, None)])
async def test_rate_limit_in_seconds(sim: Sim, given: float | None, header: str | None) -> None:
    await sim.order(effect={"kind": "rate_limit", "retry_after_s": given})
    with pytest.raises(openai.RateLimitError) as error:
        await sim.ask()
    assert error.value.code == "rate_limit_exceeded"
    assert error.value.response.headers.get("retry-after") == header


async def test_rate_limit_as_a_date_is_never_too_early(sim: Sim) -> None:
    await sim.order(effect={"kind": "rate_limit", "retry_after_s": 90.5, "as_date": True})
    before = datetime.now(UTC)
    with pytest.raises(openai.RateLimitError) as error:
        await sim.ask()
    header = error.value.response.headers["retry-after"]
    assert header.endswith(" GMT")
    assert parsedate_to_datetime(header) >= before + timedelta(seconds=90.5)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_server_errors(sim: Sim, status: int) -> None:
    await sim.order(effect={"kind": "server_error", "status": status, "retry_after_s": 3})
    with pytest.raises(openai.InternalServerError) as error:
        await sim.ask(stream=True)
    assert error.value.status_code == status
    assert error.value.response.headers["retry-after"] == "3"


async def test_content_filter(sim: Sim) -> None:
    await sim.order(effect={"kind": "content_filter"})
    with pytest.raises(openai.BadRequestError) as error:
        await sim.ask()
    assert error.value.code == "content_filter"


async def test_hang(sim: Sim) -> None:
    await sim.order(effect={"kind": "hang"})
    await gone(sim.ask(timeout=0.2))
    (entry,) = (await sim.control.get("/_sim/requests")).json()
    assert entry["status"] is None


async def test_cut_in_the_middle_of_a_plain_body(sim: Sim) -> None:
    await sim.order(effect={"kind": "cut"})
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        await sim.ask()
    stats = await sim.until(lambda stats: stats["in_flight"] == 0)
    assert stats["ended"] == {"cut": 1}
    assert stats["statuses"] == {"200": 1}


@pytest.mark.parametrize("after", [0, 0.6])
async def test_cut_in_the_middle_of_a_stream(sim: Sim, after: float) -> None:
    await sim.order(effect={"kind": "cut", "after": after})
    heard = []
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        async for chunk in await sim.ask(stream=True):
            heard.append(chunk)  # noqa: PERF401 - what came before the error counts
    assert bool(heard) is bool(after)


async def test_a_cut_connection_does_not_hurt_the_next_call(sim: Sim) -> None:
    await sim.order(effect={"kind": "cut"}, first=1)
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        await sim.ask()
    assert (await sim.ask()).choices


async def test_malformed_body(sim: Sim) -> None:
    await sim.order(effect={"kind": "malformed"})
    with pytest.raises(json.JSONDecodeError):
        await sim.ask()


async def test_malformed_stream(sim: Sim) -> None:
    await sim.order(effect={"kind": "malformed"})
    with pytest.raises(json.JSONDecodeError):
        async for _ in await sim.ask(stream=True):
            pass


async def test_empty_choices(sim: Sim) -> None:
    await sim.order(effect={"kind": "empty_choices"})
    answer = await sim.ask()
    assert answer.choices == []
    assert answer.usage.completion_tokens == 0
    assert [c async for c in await sim.ask(stream=True)] == []


async def test_slow_stream_arrives_piece_by_piece(sim: Sim) -> None:
    await sim.order(effect={"kind": "slow_stream", "gap_ms": 50})
    stream = await sim.ask(stream=True, max_tokens=8)
    first = await anext(stream)
    assert first.choices[0].delta.role == "assistant"
    assert (await sim.stats())["in_flight"] == 1
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert len(text) == 32


async def test_slow_stream_slows_a_plain_body_too(sim: Sim) -> None:
    await sim.order(effect={"kind": "slow_stream", "gap_ms": 1})
    assert (await sim.ask()).choices[0].message.content


async def test_a_slow_stream_ends_when_its_reader_leaves(sim: Sim) -> None:
    await sim.order(effect={"kind": "slow_stream", "gap_ms": 600_000})
    await gone((await sim.ask(stream=True, timeout=0.2)).__anext__())
    stats = await sim.until(lambda stats: stats["in_flight"] == 0)
    assert stats["ended"] == {"abandoned": 1}


async def test_first_n_for_each_prompt_then_well(sim: Sim) -> None:
    await sim.order(effect={"kind": "server_error"}, first=2)
    for text in ("one", "two"):
        messages: Any = [{"role": "user", "content": text}]
        for _ in range(2):
            with pytest.raises(openai.InternalServerError):
                await sim.ask(messages)
        assert (await sim.ask(messages)).choices


async def test_rules_meet_agents_models_and_prompts_only(sim: Sim) -> None:
    await sim.order(effect={"kind": "rate_limit"}, agent="greedy", model="small", prompt="what is new")
    header = {"x-pointsman-agent": "greedy"}
    with pytest.raises(openai.RateLimitError):
        await sim.ask(extra_headers=header)
    await sim.ask()
    await sim.ask(extra_headers=header, model="gpt-4.1")
    await sim.ask([{"role": "user", "content": "Something else"}], extra_headers=header)


async def test_rules_are_listed_and_cleared(sim: Sim) -> None:
    await sim.order(effect={"kind": "rate_limit", "retry_after_s": 5}, every=2)
    await sim.ask()
    (rule,) = (await sim.control.get("/_sim/faults")).json()
    assert (rule["every"], rule["fitted"], rule["taken"]) == (2, 1, 0)
    assert rule["effect"]["retry_after_s"] == 5
    await sim.control.delete("/_sim/faults")
    assert (await sim.control.get("/_sim/faults")).json() == []
    await sim.ask()


async def test_a_wrong_rule_is_explained_and_none_is_taken(sim: Sim) -> None:
    rules = [{"effect": {"kind": "hang"}}, {"effect": {"kind": "latency"}}]
    response = await sim.control.post("/_sim/faults", json=rules)
    assert response.status_code == 400
    assert "1.effect.latency.ms: Field required" in response.json()["error"]["message"]
    assert (await sim.control.get("/_sim/faults")).json() == []


async def test_rules_from_the_start() -> None:
    rule = FaultRule.model_validate({"effect": {"kind": "server_error", "status": 503}})
    async with (
        serving(SimulatorSettings(faults=(rule,))) as url,
        AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as sdk,
    ):
        with pytest.raises(openai.InternalServerError):
            await sdk.chat.completions.create(model="gpt-4.1", messages=HELLO)
