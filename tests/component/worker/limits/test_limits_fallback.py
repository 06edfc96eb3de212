"""A job that waits for capacity which another process takes goes to the next target of its tier."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.worker.calls.call_context import target
from pointsman.worker.calls.prices import Prices
from pointsman.worker.limits.ceilings import Ceiling
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman_schemas.outcomes import JobCompleted
from tests.conftest import Kafka
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.sharing import agreements, until
from tests.support.worker.tiny_provider import ANSWER, Asked, Respond, Tiny, http, tiny_provider
from tests.support.worker.working import MODEL, Worker, in_turn, provider_of

pytestmark = pytest.mark.stack

LARGE = "gpt-4.1"
#: A call may cost $0.0062 on the large model and costs $0.006; on the other it is a twentieth.
LONG = {"messages": [{"role": "user", "content": "x" * 1_000}], "max_tokens": 500}
ONE_LARGE = Ceiling(name="day", usd_per_day=Decimal("0.008"))


@dataclass(frozen=True)
class Rivals:
    """Two processes with the same targets: `tiny`, then `second`."""

    tiny: Tiny
    second: Tiny
    workers: list[Worker]
    shared: list[SharedLimits]

    def waiting(self) -> int:
        return max(len(limits.ledger.waiting) for limits in self.shared)


@asynccontextmanager
async def rivals(
    kafka: Kafka,
    respond: Respond,
    *,
    row: dict[str, Any] | None = None,
    ceilings: Sequence[Ceiling] = (),
    patience_s: tuple[float, float] = (600, 600),
) -> AsyncIterator[Rivals]:
    async with (
        agreements(kafka, "one", "other") as shared,
        tiny_provider(respond) as tiny,
        tiny_provider(in_turn(http())) as second,
        provider_of(tiny, **row or {}) as provider,
        provider_of(second, name="second") as next_one,
    ):
        fallback = [target(next_one, Prices("openai"), MODEL, ceilings)]
        workers = [
            Worker(
                provider,
                shared_limits=limits,
                fallback=fallback,
                ceilings=ceilings,
                model=LARGE,
                patience_s=patience,
            )
            for limits, patience in zip(shared, patience_s, strict=True)
        ]
        yield Rivals(tiny, second, workers, shared)


def called(records: list[Outgoing]) -> list[str]:
    assert isinstance(outcome(records), JobCompleted)
    return [call.provider for call in calls(records)]


async def test_of_two_jobs_that_compete_for_the_last_capacity_one_falls_back(kafka: Kafka) -> None:
    row = {"limits": {LARGE: {"requests": 1, "per_s": 600}}}
    async with rivals(kafka, in_turn(http()), row=row, patience_s=(0.5, 0.5)) as at:
        ended = await asyncio.gather(*(worker.do(number) for number, worker in enumerate(at.workers, 1)))
    assert sorted(map(called, ended)) == [["second"], ["tiny"]]
    assert (len(at.tiny.asked), len(at.second.asked)) == (1, 1)


async def test_a_job_that_falls_back_releases_its_reservation(kafka: Kafka) -> None:
    """Otherwise capacity would go to a job that was already answered."""
    row = {"limits": {LARGE: {"requests": 1, "per_s": 600}}}
    async with rivals(kafka, in_turn(http()), row=row, patience_s=(600, 0.2)) as at:
        winner, loser = at.workers
        assert called(await winner.do(1)) == ["tiny"]
        assert called(await loser.do(2)) == ["second"]
        await until(lambda: not at.waiting())


async def test_a_job_that_waits_for_money_falls_back_when_it_is_spent(kafka: Kafka) -> None:
    """The first call may cost less than reserved, so the second job waits for its end."""
    answer = asyncio.Event()

    async def respond(asked: Asked) -> bytes:
        await answer.wait()
        return http(200, {**ANSWER, "model": LARGE})

    async with rivals(kafka, respond, ceilings=[ONE_LARGE]) as at:
        winner, loser = at.workers
        won = asyncio.create_task(winner.do(1, **LONG))
        await at.tiny.until(lambda: at.tiny.under_way == 1)
        lost = asyncio.create_task(loser.do(2, **LONG))
        await until(at.waiting)
        answer.set()
        assert called(await won) == ["tiny"]
        assert called(await lost) == ["second"]
    assert (len(at.tiny.asked), len(at.second.asked)) == (1, 1)


async def test_a_job_that_waits_for_capacity_falls_back_when_the_breaker_opens(kafka: Kafka) -> None:
    row = {
        "limits": {LARGE: {"requests": 4, "per_s": 600}},
        "breaker": {"share": 0.5, "calls": 4, "open_s": 600},
    }
    fail = asyncio.Event()

    async def respond(asked: Asked) -> bytes:
        await fail.wait()
        return http(500)

    async with rivals(kafka, respond, row=row) as at:
        winner, loser = at.workers
        won = [asyncio.create_task(winner.do(number)) for number in range(1, 5)]
        await at.tiny.until(lambda: at.tiny.under_way == 4)
        lost = asyncio.create_task(loser.do(5))
        await until(at.waiting)
        fail.set()
        async with asyncio.timeout(20):
            assert called(await lost) == ["second"]
            await asyncio.gather(*won)
    assert len(at.tiny.asked) == 4
