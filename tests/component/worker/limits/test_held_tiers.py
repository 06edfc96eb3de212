"""What holds a tier: its worker's metrics tell `pointsman limits` and `pointsman doctor`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import generate_latest
from rich.console import Console

from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.window_lane import ORDER_KEY_HEADER, WindowLane
from pointsman.cli.checks.limits import tiers as check_tiers
from pointsman.cli.show.limits import tables
from pointsman.client import tiers_held as module
from pointsman.client.limits_now import LimitsNow
from pointsman.client.tiers_held import TierHeld, tiers_held
from pointsman.runtime.errors import CommandError
from pointsman.worker.held_jobs import tell_held_jobs
from tests.support.bus.failing import FAILING
from tests.support.worker.routed_jobs import routed
from tests.support.worker.tiny_provider import never
from tests.support.worker.working import MODEL, Worker, working

JOBS = 3
ORDERED = ((ORDER_KEY_HEADER, b"k"),)


@pytest.fixture(autouse=True)
def shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SPAN_S", 0.3)
    monkeypatch.setattr(time, "process_time", lambda: 0.0)


@asynccontextmanager
async def metrics(text: Callable[[], bytes]) -> AsyncIterator[str]:
    """The address of a server that returns this text."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=text())

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def held(
    settled: Callable[[dict[str, Callable[[], int]]], bool],
    *,
    window: int = 10,
    headers: Sequence[tuple[str, bytes]] = (),
    pause: bool = False,
    **tier: Any,
) -> AsyncIterator[str]:
    """The address of a worker with `JOBS` jobs whose provider does not answer, once it is `settled`."""
    async with working(never, **tier) as (_, worker):
        if pause:
            worker.pause(f"tiny/{MODEL}", 1_000)
        lane = lane_of(worker, window)
        counts = tell_held_jobs("small", lambda: [lane], worker.call_context.limits)
        running = asyncio.create_task(lane.run())
        lane.feed([record(number, headers) for number in range(JOBS)])
        async with asyncio.timeout(20):
            while not settled(counts):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        async with metrics(generate_latest) as url:
            yield url
        running.cancel()
        await asyncio.wait([running])


def lane_of(worker: Worker, window: int) -> WindowLane:
    writer: Any = None  # no job completes
    return WindowLane(0, frozenset(), writer, worker.handler, window, failing=FAILING)


def record(number: int, headers: Sequence[tuple[str, bytes]]) -> Incoming:
    job = routed(number + 1)
    return replace(job, offset=number, headers=(*job.headers, *headers))


async def said(url: str) -> tuple[TierHeld, str, str]:
    """What delays the tier, and the output of both commands."""
    (tier,) = [tier for tier in await tiers_held([url]) if tier.tier == "small"]
    console = Console(width=100)
    with console.capture() as printed:
        console.print(tables(LimitsNow([], [], [tier])))
    (finding,) = [finding for finding in await check_tiers([url]) if "small" in finding.said]
    assert finding.ok
    return tier, printed.get(), finding.said


async def test_window() -> None:
    async with held(lambda jobs: jobs["window"]() == JOBS - 1, window=1) as url:
        tier, text, line = await said(url)
    assert (tier.by, tier.jobs["window"]) == ("window", JOBS - 1)
    assert "window" in text
    assert line == "small is held by window: 2 jobs wait for it"


async def test_in_flight() -> None:
    async with held(lambda jobs: jobs["in_flight"]() == JOBS - 1, max_in_flight=1) as url:
        tier, text, line = await said(url)
    assert (tier.by, tier.jobs["in_flight"]) == ("in_flight", JOBS - 1)
    assert "max_in_flight" in text
    assert line == "small is held by max_in_flight: 2 jobs wait for it"


async def test_rate() -> None:
    async with held(lambda jobs: jobs["rate"]() == JOBS, pause=True) as url:
        tier, text, line = await said(url)
    assert (tier.by, tier.jobs["rate"]) == ("rate", JOBS)
    assert "the provider's limits" in text
    assert line == "small is held by the provider's limits: 3 jobs wait for it"


async def test_order_key() -> None:
    async with held(lambda jobs: jobs["order_key"]() == JOBS - 1, headers=ORDERED) as url:
        tier, text, line = await said(url)
    assert (tier.by, tier.jobs["order_key"]) == ("order_key", JOBS - 1)
    assert "order keys" in text
    assert line == "small is held by order keys: 2 jobs wait for it"


async def test_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that uses a whole processor delays all its jobs."""
    monkeypatch.setattr(time, "process_time", time.monotonic)
    async with held(lambda _: True) as url:
        tier, text, line = await said(url)
    assert (tier.by, tier.jobs["processor"]) == ("processor", JOBS)
    assert "its processor" in text
    assert line == "small is held by its processor: 3 jobs wait for it"


async def test_nothing() -> None:
    async with held(lambda _: True) as url:
        tier, text, line = await said(url)
    assert tier.by is None
    assert "nothing" in text
    assert line == "small: no job waits for a limit"


async def test_several_workers_of_a_tier_count_together_and_what_is_none_is_said() -> None:
    text = (
        'pointsman_jobs_held{tier="large",by="rate"} 2.0\npointsman_jobs_held{tier="large",by="window"} 5.0\n'
    )
    async with metrics(text.encode) as one, metrics(text.encode) as two:
        assert await tiers_held([one, two]) == [TierHeld("large", "rate", {"rate": 4, "window": 10})]
    async with metrics(lambda: b"other 1\n") as url:
        with pytest.raises(CommandError, match="is not a worker"):
            await tiers_held([url])
        (finding,) = await check_tiers([url])
        assert not finding.ok
    with pytest.raises(CommandError, match="no worker answers"):
        await tiers_held([url])
    assert await tiers_held([]) == []
