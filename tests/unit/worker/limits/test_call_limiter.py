"""A call's result is reported once, and all processes learn when the target may be called again."""

import asyncio
from itertools import count
from math import inf
from uuid import uuid4

import pytest

from pointsman.limits.breaker import BreakerRule
from pointsman.worker.limits.breakers import Breakers, WatchedTarget
from pointsman.worker.limits.call_limiter import Acquired, CallLimiter, Slots, Wait
from pointsman.worker.limits.errors import NoRoomError
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import BreakerCounted, BreakerTurned
from tests.support.worker.alone import alone

TARGET = "p/m"


def built(patience_s: float = 60, shared: SharedLimits | None = None) -> tuple[CallLimiter, Breakers]:
    shared = shared or alone()
    breakers = Breakers(shared, {TARGET: WatchedTarget(BreakerRule(), 60)})
    limits = CallLimiter(
        Slots(1),
        asyncio.Event(),
        shared_limits=shared,
        rate_limiter=RateLimiter(shared, []),
        breakers=breakers,
        tier="small",
        patience_s=patience_s,
    )
    return limits, breakers


def counted(breakers: Breakers) -> list[tuple[int, int]]:
    return [
        (message.ok, message.failed) for _, message in breakers.take() if isinstance(message, BreakerCounted)
    ]


async def test_a_call_is_reported_once_and_its_slot_is_free_again() -> None:
    limits, breakers = built()
    for went_well in (True, False):
        async with limits.acquire(uuid4(), TARGET, {}, Wait()) as call:
            limits.report(call, went_well=went_well)
    assert counted(breakers) == [(1, 1)]


async def test_a_probe_is_over_with_its_report() -> None:
    shared = alone()
    limits, breakers = built(shared=shared)
    shared.add(breakers)
    times = count(1_000_000)

    def read(message: Message) -> None:
        shared._fold(0, next(times), message)

    async def probe() -> None:
        async with limits.acquire(uuid4(), TARGET, {}, Wait()) as call:
            assert call.probe
            limits.report(call, went_well=False)

    read(BreakerTurned(process="other", target=TARGET, to="open", seconds=0))
    probing = asyncio.create_task(probe())
    async with asyncio.timeout(60):
        while not shared.outbox:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
        read(shared.outbox.pop()[1])
        await probing
    assert limits.available(TARGET) > 0, "no other call of ours is the probe"


async def test_an_unreported_call_does_not_count_for_the_provider() -> None:
    limits, breakers = built()
    with pytest.raises(RuntimeError, match="a defect"):
        async with limits.acquire(uuid4(), TARGET, {}, Wait()):
            raise RuntimeError("a defect")
    assert counted(breakers) == []
    assert limits.available(TARGET) == 0


async def test_a_target_that_asks_for_a_pause_gets_it() -> None:
    limits, _ = built(patience_s=0.01)
    limits.report(Acquired(uuid4(), TARGET), leave_alone_s=3000)
    assert 0 < limits.available(TARGET) <= 3000
    assert limits.available("p/other") == 0
    wait = Wait()
    with pytest.raises(NoRoomError, match=f"for {TARGET} paused"):
        async with limits.acquire(uuid4(), TARGET, {}, wait):
            raise AssertionError("it was called")
    assert wait.held_by == f"{TARGET} paused"


def test_without_capacity_the_waiting_time_is_unknown() -> None:
    limits, _ = built()
    assert limits.available(TARGET, {"not declared": 1}) == inf
