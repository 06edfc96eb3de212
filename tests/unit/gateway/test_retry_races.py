"""A client's retry reaches another process while the first one gives up: the order of records decides."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
import pytest

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.settings import LanePart
from pointsman.gateway.asking import taken as module
from pointsman.gateway.asking.taken import TakenRequests
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.submitter import JobRequest, JobSubmitter
from pointsman.gateway.waiting.queues import Queues
from pointsman.runtime.clock import utc_now
from tests.support.gateway.heard import TOPICS, FakePublisher, FakeReader, cancelled, outcome, replies_of
from tests.support.gateway.requests_topic import follower_of

T = TypeVar("T")

BODY = {"messages": [{"role": "user", "content": "Hello"}]}


class SlowPublisher(FakePublisher):
    """Writes to the shared topic. After `hold`, the next write sets `begun` and waits for `go_on`."""

    def __init__(self, reader: FakeReader, topic: list[Outgoing]) -> None:
        super().__init__(reader)
        self._topic = topic
        self._holds = False
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    def hold(self) -> None:
        self._holds = True

    async def publish(self, records: Sequence[Outgoing]) -> list[Any]:
        if self._holds:
            self._holds = False
            self.begun.set()
            await self.go_on.wait()
        self._topic += records
        return await super().publish(records)


class Process:
    """One of several gateway processes that share a topic."""

    def __init__(self, topic: list[Outgoing]) -> None:
        reader = FakeReader()
        self.publisher = SlowPublisher(reader, topic)
        self.replies = replies_of(reader)
        self.jobs = JobSubmitter(
            GatewaySettings(prefix="t"),
            self.replies,
            self.publisher,  # type: ignore[arg-type]
            queues=Queues(),
            taken=TakenRequests(LanePart(prefix="t"), TOPICS, utc_now),
            claim_check=None,
            key=None,
            clock=utc_now,
        )

    async def ask(self, retry: int) -> JobReply:
        headers = {"x-stainless-retry-count": str(retry)}
        return await self.jobs.reply(JobRequest("app", None, BODY, "/", orjson.dumps(BODY), headers))

    def client_goes(self, reply: JobReply) -> "asyncio.Future[Any]":
        """Disconnects, and waits until the consequences are complete."""
        with self.jobs.awaited(reply, keep=lambda: False, grace_s=0):
            pass
        return asyncio.gather(*self.jobs._leaving)

    @asynccontextmanager
    async def held(self, beginning: Awaitable[T]) -> AsyncIterator["asyncio.Future[T]"]:
        """Inside the block, the first write is blocked."""
        self.publisher.hold()
        held = asyncio.ensure_future(beginning)
        await self.publisher.begun.wait()
        yield held
        self.publisher.go_on.set()

    @property
    def cancelled(self) -> list[str]:
        written = self.publisher.sent
        return [(record.key or b"").decode() for record in written if record.topic == TOPICS.control.name]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> tuple[Process, Process]:
    topic: list[Outgoing] = []

    monkeypatch.setattr(module, "Follower", follower_of(topic, TOPICS.requests.name))
    return Process(topic), Process(topic)


async def test_a_job_left_before_the_retry_is_replaced_by_a_new_one(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    first = await here.ask(0)
    async with there.held(there.ask(1)) as asking:  # it has looked, and found the first
        await here.client_goes(first)
        assert here.cancelled == [str(first.job_id)]
    again = await asking
    assert again.job_id != first.job_id
    assert there.cancelled == []


async def test_a_job_taken_by_a_retry_before_it_was_left_is_not_cancelled(
    processes: tuple[Process, Process],
) -> None:
    here, there = processes
    first = await here.ask(0)
    async with here.held(here.client_goes(first)) as leaving:
        again = await there.ask(1)
    await leaving
    assert again.job_id == first.job_id
    assert here.cancelled == []
    await there.client_goes(again)
    assert there.cancelled == [str(first.job_id)]


async def test_a_retry_does_not_wait_for_a_job_that_is_being_left(
    processes: tuple[Process, Process],
) -> None:
    here, _ = processes
    first = await here.ask(0)
    async with here.held(here.client_goes(first)) as leaving:
        asking = asyncio.create_task(here.ask(1))
        for _ in range(100):  # as far as it gets
            await asyncio.sleep(0)
    await leaving
    again = await asking
    assert again.job_id != first.job_id
    assert here.cancelled == [str(first.job_id)]
    here.replies._take(cancelled(first.job_id))
    assert await here.ask(2) is again


async def test_a_retry_gets_the_outcome_of_a_job_that_ends_while_being_left(
    processes: tuple[Process, Process],
) -> None:
    here, _ = processes
    first = await here.ask(0)
    async with here.held(here.client_goes(first)) as leaving:
        asking = asyncio.create_task(here.ask(1))
        here.replies._take(outcome(first.job_id))
    await leaving
    assert await asking is first


async def test_a_client_that_returns_after_another_process_gets_its_job(
    processes: tuple[Process, Process],
) -> None:
    """All processes have released the job, and only the last one counts."""
    here, there = processes
    first = await here.ask(0)
    again = await there.ask(1)
    await here.client_goes(first)
    third = await here.ask(2)
    await there.client_goes(again)
    assert {again.job_id, third.job_id} == {first.job_id}
    assert (here.cancelled, there.cancelled) == ([], [])
    await here.client_goes(third)
    assert here.cancelled == [str(first.job_id)]
    assert (await there.ask(3)).job_id != first.job_id
