"""Pieces of an answer are sent at once after a pause, otherwise together, and in order."""

import asyncio
from collections.abc import Callable

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.worker.calls import chunks
from pointsman.worker.calls.chunks import CallChunks, JobChunks
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import MOST_EVENTS, JobChunk
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.topics import Topics
from tests.support.worker.routed_jobs import AGENT, NOW, job_id

Sent = list[tuple[int, list[Json]]]


@pytest.fixture
def sent() -> Sent:
    return []


@pytest.fixture
def call(sent: Sent) -> CallChunks:
    return CallChunks(lambda index, events: sent.append((index, list(events))))


def events(*numbers: int) -> list[Json]:
    return [{"choices": [], "n": number} for number in numbers]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # a timer sends it
            await asyncio.sleep(0.001)


async def test_the_first_event_goes_at_once_and_what_follows_together(
    call: CallChunks, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "GATHER_S", 0.2)
    call.add(events(1, 2), 10)
    assert sent == [(0, events(1, 2))]
    for number in (3, 4, 5):
        call.add(events(number), 10)
    assert len(sent) == 1
    await until(lambda: len(sent) == 2)
    assert sent[1] == (1, events(3, 4, 5))


async def test_after_a_pause_an_event_goes_at_once(
    call: CallChunks, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "GATHER_S", 0.001)
    for number in range(3):
        call.add(events(number), 10)
        await asyncio.sleep(0.01)
        assert len(sent) == number + 1


async def test_much_goes_at_once_and_no_message_has_more_events_than_it_may(
    call: CallChunks, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "GATHER_S", 1000)
    call.add(events(0), 10)
    call.add(events(1), 300 * 1024)
    assert sent == [(0, events(0)), (1, events(1))]
    call.add(events(*range(2 * MOST_EVENTS + 1)), 10)
    assert [(index, len(batch)) for index, batch in sent[2:]] == [(2, MOST_EVENTS), (3, MOST_EVENTS), (4, 1)]
    assert [event for _, batch in sent[2:] for event in batch] == events(*range(2 * MOST_EVENTS + 1))


async def test_all_events_are_sent_at_the_end(
    call: CallChunks, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "GATHER_S", 1000)
    call.add([], 0)
    assert call.first_at is None
    for number in range(3):
        call.add(events(number), 10)
    call.flush()
    call.flush()
    assert sent == [(0, events(0)), (1, events(1, 2))]
    assert call.first_at is not None


async def test_a_message_names_its_job_and_call() -> None:
    sent: list[Outgoing] = []
    cause = first_envelope(
        job_id(2), source="t", type="job.routed.v1", time=NOW, agent_id=AGENT, job_id=job_id(1)
    )
    job = JobChunks(
        send=sent.append,
        topic=Topics().chunks,
        cause=cause,
        root=("t", 0, 7),
        source="pointsman/worker/small",
        job_id=job_id(1),
        agent_id=AGENT,
        clock=lambda: NOW,
    )
    for _ in range(2):
        call = job.of_call()
        call.add(events(1), 10)
        call.add(events(2), 10)
        call.flush()
    decoded = [
        decode(Incoming(record.topic, 0, at, 0, record.key, record.value, tuple(record.headers)))
        for at, record in enumerate(sent)
    ]
    messages = [
        item.message for item in decoded if isinstance(item, Decoded) and isinstance(item.message, JobChunk)
    ]
    first, second, third, fourth = messages
    assert [message.index for message in messages] == [0, 1, 0, 1]
    assert first.call == second.call != third.call == fourth.call
    assert {record.key for record in sent} == {str(job_id(1)).encode()}
    assert {(message.job_id, message.agent_id) for message in messages} == {(job_id(1), AGENT)}
    assert len({item.envelope.id for item in decoded}) == 4
    assert {item.envelope.causation_id for item in decoded} == {cause.id}
