"""A waiting request gets the pieces and the outcome of its own job, within limits."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.gateway import replies as module
from pointsman.gateway.replies import JobReplies
from pointsman.runtime.clock import utc_now
from pointsman_schemas.outcomes import JobCompleted
from tests.support.gateway.heard import TOPICS, FakeReader, job, outcome, piece, replies_of


@pytest.fixture
async def replies() -> JobReplies:
    return replies_of(FakeReader())


async def test_ids_belong_to_assigned_partitions_if_there_are_any(replies: JobReplies) -> None:
    assert {str(replies.new_id())[-1] for _ in range(100)} == {"1", "2"}
    replies.reader.owned = frozenset()  # type: ignore[misc]
    assert len({str(replies.new_id())[-1] for _ in range(200)}) == 16


async def test_a_partition_is_read_while_one_of_its_jobs_is_open(replies: JobReplies) -> None:
    first, second = (replies.expect(job(UUID(int=16 * number + 7))) for number in (1, 2))
    other = replies.expect(job(UUID(int=9)))
    replies.expect(first.job)  # asked for again
    assert replies._needed() == {7, 9}
    replies._take(outcome(first.job_id))
    replies.forget(other)
    assert replies._needed() == {7}
    replies.forget(first)  # it is kept, and no more waited for
    assert replies._needed() == {7}
    replies._take(outcome(second.job_id))
    assert replies._needed() == set()


async def test_all_waiting_requests_get_pieces_and_outcome(replies: JobReplies) -> None:
    reply = replies.expect(job())
    assert replies.expect(reply.job) is reply

    async def told() -> list[int]:
        return [chunk.index async for chunk in reply.follow()]

    both = [asyncio.create_task(told()) for _ in range(2)]
    for index in range(3):
        replies._take(piece(reply.job_id, index))
        await asyncio.sleep(0)
    replies._take(outcome(reply.job_id))
    assert await asyncio.gather(*both) == [[0, 1, 2]] * 2
    assert isinstance(reply.outcome.result(), JobCompleted)


async def test_followers_are_woken_at_the_end(replies: JobReplies) -> None:
    reply, over = replies.expect(job()), asyncio.Event()

    async def told() -> list[int]:
        return [chunk.index async for chunk in reply.follow(over.is_set)]

    following = asyncio.create_task(told())
    replies._take(piece(reply.job_id))
    replies.wake()
    await asyncio.sleep(0)
    assert not following.done()
    over.set()
    replies.wake()
    assert await following == [0]


async def test_the_pieces_kept_of_one_answer_are_limited(
    replies: JobReplies, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = replies.expect(job())
    record = piece(reply.job_id)
    monkeypatch.setattr(module, "MOST_PIECE_BYTES", 3 * len(record.value or b""))
    for _ in range(10):
        replies._take(record)
    assert len(reply.pieces) == 3
    replies._take(outcome(reply.job_id))
    assert reply.outcome.done()


@pytest.mark.parametrize("bound", ["KEPT", "KEPT_BYTES"])
async def test_kept_outcomes_are_limited_and_waiting_requests_are_not(
    replies: JobReplies, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    size = len(outcome(uuid4()).value or b"")
    monkeypatch.setattr(module, bound, {"KEPT": 3, "KEPT_BYTES": 3 * size + 2}[bound])
    waiting = replies.expect(job())
    done = [replies.expect(job()) for _ in range(10)]
    for reply in done:
        replies._take(outcome(reply.job_id))
    assert [replies.known(reply.job_id) is not None for reply in done] == [False] * 7 + [True] * 3
    assert all(reply.outcome.done() for reply in done)
    assert replies.known(waiting.job_id) is waiting
    assert len(replies) == 1
    for reply in done:
        replies.forget(reply)
    assert replies._kept_bytes == 0


def _other_job(of: UUID) -> Incoming:
    return piece(uuid4(), key=str(of).encode())


GARBAGE: list[Callable[[UUID], Incoming]] = [
    lambda of: replace(piece(of), value=b"{"),
    lambda of: replace(piece(of), value=None),
    lambda of: replace(piece(of), value=b"\xff" * 99),
    lambda of: replace(piece(of), headers=()),
    lambda of: replace(piece(of), headers=(("\\xff", b"\xff"),) * 99),
    lambda of: replace(outcome(of), topic=TOPICS.chunks.name),
    lambda of: piece(of, agent_id="stranger", text="No"),
    lambda of: replace(piece(of), topic=TOPICS.results.name),
    lambda of: replace(outcome(of), value=b"[]"),
    lambda of: outcome(of, agent_id="stranger", text="No"),
    lambda of: outcome(uuid4(), key=str(of).encode(), text="No"),
    _other_job,
]


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_records_of_other_jobs_are_ignored(
    replies: JobReplies, garbage: Callable[[UUID], Incoming]
) -> None:
    reply = replies.expect(job())
    replies._take(garbage(reply.job_id))
    assert not reply.pieces
    assert not reply.outcome.done()
    replies._take(piece(reply.job_id))
    replies._take(outcome(reply.job_id))
    assert len(reply.pieces) == 1
    assert reply.outcome.result().agent_id == "app"


async def test_a_search_finds_its_agents_job_and_is_no_reply_for_anybody(replies: JobReplies) -> None:
    looked: list[UUID] = []
    replies._look_back.find = looked.append  # type: ignore[method-assign, assignment]
    sought = uuid4()
    mine = asyncio.create_task(replies.search(sought, "app", 30))
    theirs = asyncio.create_task(replies.search(sought, "stranger", 30))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert looked == [sought, sought]
    assert replies.known(sought) is None
    assert replies._needed() == {int(sought.hex[-1], 16)}
    replies._take(outcome(sought))
    looked_up = await mine
    assert looked_up is not None
    assert looked_up.agent_id == "app"
    assert not theirs.done()
    theirs.cancel()
    await asyncio.wait([theirs])
    assert replies._needed() == set()
    assert replies.known(sought) is None


async def test_an_unsuccessful_search_ends_in_time(replies: JobReplies) -> None:
    replies._look_back.find = lambda _: None  # type: ignore[method-assign, assignment]
    assert await replies.search(uuid4(), "app", 0) is None
    replies.reader.error = KafkaUnavailableError("k", 1, "away")  # type: ignore[attr-defined]
    with pytest.raises(KafkaUnavailableError):
        await replies.search(uuid4(), "app", 0)
    assert not replies._searches


async def test_an_outcome_that_was_there_before_is_looked_for_only_where_it_is_awaited(
    replies: JobReplies,
) -> None:
    looked: list[UUID] = []
    replies._look_back.find = looked.append  # type: ignore[method-assign, assignment]
    reply = replies.expect(job())
    replies.look_back(uuid4())
    replies.look_back(reply.job_id)
    replies._take(outcome(reply.job_id))
    replies.look_back(reply.job_id)
    assert looked == [reply.job_id]


async def test_a_job_of_which_nothing_is_heard_is_forgotten_long_after_its_deadline(
    replies: JobReplies,
) -> None:
    deadline = utc_now()
    silent, awaited, answered, endless = (
        replies.expect(job().model_copy(update={"deadline": given}))
        for given in (deadline, deadline, deadline, None)
    )
    replies._take(outcome(answered.job_id))
    with awaited.awaited():
        replies.sweep(deadline + timedelta(minutes=9))
        assert len(replies) == 3
        replies.sweep(deadline + timedelta(minutes=11))
    kept = [replies.known(reply.job_id) for reply in (silent, awaited, answered, endless)]
    assert kept == [None, awaited, answered, endless]
