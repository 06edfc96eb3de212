"""State that processes share through the topic: pauses, grants, and the snapshot for a new process."""

import asyncio
import json
import time
from pathlib import Path
from uuid import uuid4

import pytest

from pointsman.bus.read.follow import follow
from pointsman.limits import joining
from pointsman.worker.limits.errors import NoRoomError
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.running.command import Command
from tests.support.worker.routed_jobs import outcome
from tests.support.worker.sharing import agreements, process_in, processes, shared_limits, until
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import MODEL, Worker, provider_of

pytestmark = pytest.mark.stack

TARGET = f"tiny/{MODEL}"
RATE = LimitDeclared(process="t", budget="rate", limit=2, window_s=1, slack_s=0.25)


async def records_of(kafka: Kafka) -> list[str]:
    topic = Topics(kafka.prefix).limits.name
    records = follow(kafka.settings, [topic], start="beginning", until_end=True)
    return [dict(record.headers)["ce_type"].decode() async for record in records]


@pytest.mark.parametrize(
    "first",
    [
        http(429, {}, retry_after="1.5"),
        http(200, x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="1.5s"),
    ],
    ids=["retry-after", "nothing-left"],
)
async def test_a_pause_applies_to_processes_that_never_called(kafka: Kafka, first: bytes) -> None:
    left: list[float] = []

    def respond(asked: Asked) -> bytes:
        if b"question 2" in asked.body:
            left.append(held.call_context.limits.available(TARGET))
        return first if len(tiny.asked) == 1 else http()

    async with (
        agreements(kafka, "one", "other") as (one, other),
        tiny_provider(respond) as tiny,
        provider_of(tiny) as provider,
    ):
        limited, held = Worker(provider, shared_limits=one), Worker(provider, shared_limits=other)
        asking = asyncio.create_task(limited.do(1))
        await until(lambda: held.call_context.limits.available(TARGET))
        assert isinstance(outcome(await held.do(2)), JobCompleted)
        assert isinstance(outcome(await asking), JobCompleted)
    assert left == [0], "the other process called while the provider wanted to be left alone"


async def test_calls_without_limits_write_no_records(kafka: Kafka) -> None:
    async with (
        agreements(kafka, "one") as (shared,),
        tiny_provider(lambda asked: http()) as tiny,
        provider_of(tiny) as provider,
    ):
        worker = Worker(provider, shared_limits=shared)
        await shared.written()
        before = await records_of(kafka)
        await asyncio.gather(*(worker.do(number) for number in range(1, 21)))
        await shared.written()
        assert await records_of(kafka) == before


async def test_a_new_process_reaches_the_same_state(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "STANDING_EVERY", 20)
    monkeypatch.setattr(joining, "STANDING_AGAIN", 5)
    many = RATE.model_copy(update={"limit": 10_000, "window_s": 60.0})
    async with processes(kafka, "one", declared=[many]) as (process,):
        for _ in range(50):  # each writes one record
            await process.turn()
        assert "pointsman.limit.standing.v1" in await records_of(kafka)
        joining_late = shared_limits(kafka, "late")
        late = process_in(joining_late, [many])
        monkeypatch.setattr(
            "pointsman.worker.limits.shared_limits.STANDING_EVERY", 8
        )  # it reads no further back
        async with late.all.running():
            await late.turn()
            await process.turn()
            await until(lambda: late.all.ledger.budgets == process.all.ledger.budgets)
        assert late.all.ledger.budgets["rate"].used == 52


async def test_a_call_cancelled_while_waiting_releases_its_reservation(kafka: Kafka) -> None:
    long = RATE.model_copy(update={"window_s": 600.0})
    async with processes(kafka, "one", "other", declared=[long]) as (one, other):
        await one.turn()
        await one.turn()
        waiting = asyncio.create_task(one.turn())
        await until(lambda: other.all.ledger.waiting)
        waiting.cancel()
        await until(lambda: not other.all.ledger.waiting)


async def test_an_old_grant_is_not_used(kafka: Kafka) -> None:
    """The process froze in between; it reserves again and gets a new grant."""
    async with processes(kafka, "one", declared=[RATE]) as (process,):
        grant = process.rate_limiter.ask(uuid4(), "t", {"rate": 1})
        await grant.decided.wait()
        assert process.rate_limiter.good(grant, "t")
        woken_at = time.monotonic() + 0.13
        process.all.now = lambda: max(woken_at, time.monotonic())
        assert not process.rate_limiter.good(grant, "t"), (
            "half of the slack is for the call's way to the provider"
        )


async def test_a_call_beyond_what_a_budget_ever_allows_is_refused(kafka: Kafka) -> None:
    async with processes(kafka, "one", declared=[RATE]) as (process,):
        with pytest.raises(NoRoomError, match="rate has no room for it"):
            await process.turn(want=3)


async def test_waiting_ends_after_patience_s(kafka: Kafka) -> None:
    async with processes(kafka, "one", declared=[RATE]) as (process,):
        process.rate_limiter.pause("t", 100)
        with pytest.raises(NoRoomError, match=r"it waited 0\.1 s for t paused"):
            await process.turn(patience_s=0.1)


async def test_the_command_shows_what_the_processes_agreed_on(kafka: Kafka, tmp_path: Path) -> None:
    long = RATE.model_copy(update={"window_s": 600.0})
    async with processes(kafka, "one", "other", declared=[long]) as (one, other):
        await one.turn()
        await one.turn()
        waiting = asyncio.create_task(one.turn(patience_s=600))
        await until(lambda: other.all.ledger.waiting)
        other.rate_limiter.pause("elsewhere", 600)
        await other.all.written()
        command = Command(tmp_path, {"POINTSMAN_KAFKA": kafka.bootstrap, "POINTSMAN_PREFIX": kafka.prefix})
        as_json = await command.run("limits", "--json")
        as_text = await command.run("limits")
        watching = await command.start("limits", "--watch", "--json")
        assert watching.stdout is not None
        seen = [json.loads(await watching.stdout.readline()) for _ in range(2)]
        watching.terminate()
        await watching.communicate()
        waiting.cancel()
    budget = {"budget": "rate", "unit": "rate", "span_s": 600.25, "limit": 2, "used": 2, "waiting": 1}
    assert [snapshot["budgets"] for snapshot in (as_json.json, *seen)] == [[budget]] * 3
    paused = {target["target"]: target["paused_s"] > 0 for target in as_json.json["targets"]}
    assert paused == {"elsewhere": True, "t": False}
    assert as_text.lines[1].split() == ["rate", "2", "2", "10", "min", "1"]
