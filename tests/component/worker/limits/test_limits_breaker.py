"""The circuit breaker: no calls to a failing provider, one probe, a fallback, and a retry budget."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pointsman.runtime.clock import utc_now
from pointsman.worker.calls.call_context import target
from pointsman.worker.calls.prices import Prices
from pointsman_schemas.outcomes import JobCompleted, JobExpired, JobFailed
from pointsman_schemas.reasons import FailReason
from tests.conftest import Kafka
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.sharing import agreements, until
from tests.support.worker.tiny_provider import ANSWER, Asked, http, tiny_provider
from tests.support.worker.working import MODEL, Worker, in_turn, provider_of, working

TARGET = f"tiny/{MODEL}"
BREAKING: dict[str, Any] = {"breaker": {"share": 0.5, "calls": 4, "open_s": 0.5}}


@pytest.mark.stack
async def test_it_opens_for_all_processes_one_probes_and_it_closes(kafka: Kafka) -> None:
    down, probe = True, asyncio.Event()

    async def respond(asked: Asked) -> bytes:
        if down:
            return http(500)
        await probe.wait()
        return http()

    async with (
        agreements(kafka, "one", "other") as (one, other),
        tiny_provider(respond) as tiny,
        provider_of(tiny, **BREAKING) as provider,
    ):
        breaking = Worker(provider, shared_limits=one, attempts=1)
        healthy = Worker(provider, shared_limits=other, attempts=1)
        for number in range(1, 5):
            assert isinstance(outcome(await breaking.do(number)), JobFailed)
        await until(lambda: other.ledger.breaker(TARGET).state == "open")
        down = False
        jobs = [asyncio.create_task(healthy.do(number)) for number in range(5, 15)]
        jobs += [asyncio.create_task(breaking.do(number)) for number in range(15, 25)]
        await tiny.until(lambda: tiny.under_way == 1)
        assert len(tiny.asked) == 5, "one of the twenty is the probe"
        probe.set()
        ended = [outcome(records) for records in await asyncio.gather(*jobs)]
    assert all(isinstance(ending, JobCompleted) for ending in ended)
    assert len(tiny.asked) == 24
    assert one.ledger.breaker(TARGET).state == "closed"


async def test_a_job_waits_for_an_open_breaker_until_its_deadline(kafka: Kafka) -> None:
    async with (
        agreements(kafka, "one") as (shared,),
        working(in_turn(http(500)), row=BREAKING, shared_limits=shared, attempts=1) as (
            tiny,
            worker,
        ),
    ):
        for number in range(1, 5):
            await worker.do(number)
        await until(lambda: shared.ledger.breaker(TARGET).state == "open")
        records = await worker.do(5, deadline=utc_now() + timedelta(seconds=0.3))
    expired = outcome(records)
    assert isinstance(expired, JobExpired)
    assert (expired.limit, expired.attempts, len(tiny.asked)) == (f"{TARGET} broken", 0, 4)


async def test_a_fallback_answers_and_is_recorded() -> None:
    answer = http(200, {**ANSWER, "model": "gpt-4.1-2025-04-14"})
    async with (
        tiny_provider(in_turn(answer)) as second,
        provider_of(second, name="second") as other,
        working(in_turn(http(500)), attempts=2, fallback=[target(other, Prices("openai"), "gpt-4.1")]) as (
            _,
            worker,
        ),
    ):
        records = await worker.do()
    done = outcome(records)
    assert isinstance(done, JobCompleted)
    assert (done.provider, done.model, done.attempts) == ("second", "gpt-4.1-2025-04-14", 3)
    assert [(call.provider, call.model, call.status) for call in calls(records)] == [
        ("tiny", MODEL, "retry"),
        ("tiny", MODEL, "retry"),
        ("second", "gpt-4.1", "ok"),
    ]
    assert second.asked[0].json["model"] == "gpt-4.1"
    assert calls(records)[2].cost_usd == done.cost_usd == Decimal("0.006"), "by the second's prices"


@pytest.mark.parametrize(("status", "tried"), [(401, True), (404, True), (400, False)])
async def test_a_refusal_by_the_provider_goes_to_the_fallback(status: int, tried: bool) -> None:
    async with (
        tiny_provider(in_turn(http())) as second,
        provider_of(second, name="second") as other,
        working(in_turn(http(status)), fallback=[target(other, Prices("openai"), MODEL)]) as (_, worker),
    ):
        records = await worker.do()
    assert (len(second.asked) == 1) is tried
    assert isinstance(outcome(records), JobCompleted if tried else JobFailed)


async def test_while_the_breaker_is_open_the_next_provider_answers_at_once(kafka: Kafka) -> None:
    async with (
        agreements(kafka, "one") as (shared,),
        tiny_provider(in_turn(http())) as second,
        provider_of(second, name="second") as other,
        working(
            in_turn(http(500)),
            row={"breaker": {**BREAKING["breaker"], "open_s": 600}},
            shared_limits=shared,
            attempts=1,
            fallback=[target(other, Prices("openai"), MODEL)],
        ) as (tiny, worker),
    ):
        for number in range(1, 5):
            assert isinstance(outcome(await worker.do(number)), JobCompleted)
        await until(lambda: shared.ledger.breaker(TARGET).state == "open")
        records = await worker.do(5)
    assert [call.provider for call in calls(records)] == ["second"]
    assert len(tiny.asked) == 4


async def test_the_retry_budget_stops_a_storm() -> None:
    rule = {"share": 0.1, "floor": 2}
    async with working(in_turn(http(500)), attempts=10, retries=rule) as (tiny, worker):
        ended = [outcome(await worker.do(number)) for number in range(1, 31)]
    assert len(tiny.asked) <= 30 + 2 + 3, "30 calls, 2 free retries and a tenth"
    last = ended[-1]
    assert isinstance(last, JobFailed)
    assert (last.reason, last.limit) == (FailReason.SERVER_ERROR, "retry budget")
    assert "not tried again: in the last minute retries made up" in last.message
