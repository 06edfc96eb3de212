"""Outcomes go to the shared results topic if the agent's own topic is missing or not writable."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition

from pointsman.access.apply import Servers, apply
from pointsman.bus.admin.acls import remove_acls
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import TopicsClosedError
from pointsman.bus.produce import lane_writer
from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.produce.transactions import Transactions
from pointsman.bus.read.follow import follow
from pointsman.bus.settings import LanePart
from pointsman_schemas.topic import Topic
from tests.component.access.test_suspension import _with_agents
from tests.support.access.installation import PREFIX, Guarded
from tests.support.bus.sole_writer import nobody

pytestmark = pytest.mark.stack

#: The name of a login and of its consumer group.
WORKER = f"{PREFIX}.worker.small"


def record(topic: Topic, value: bytes) -> Outgoing:
    return Outgoing(topic.name, b"k", value, [], topic.fallback_topic)


async def values(guarded: Guarded, topic: Topic) -> list[bytes | None]:
    records = follow(guarded.broker.admin, [topic.name], start="beginning", until_end=True)
    return [record.value async for record in records]


@pytest.fixture(autouse=True)
async def as_it_was(guarded: Guarded) -> AsyncIterator[None]:
    """Restores the ACLs."""
    yield
    await apply(Servers(guarded.broker.admin, None), guarded.access, {})


@pytest.fixture
async def queue(guarded: Guarded) -> AsyncIterator[TransactionQueue]:
    settings = LanePart.model_validate(guarded.part(WORKER).model_dump() | {"prefix": PREFIX})
    opened = TransactionQueue(await Transactions.open(settings, WORKER))
    yield opened
    await opened.close()


def writer(guarded: Guarded, queue: TransactionQueue, partition: int) -> LaneWriter:
    lane = TopicPartition(guarded.topics.tier("small").name, partition)
    return LaneWriter(WORKER, lane, queue, nobody(WORKER))


async def test_a_missing_agent_topic_does_not_block_others(
    guarded: Guarded, queue: TransactionQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_writer, "_CLOSED_S", 0.0)
    own, lane = guarded.topics.agent_results("unmade"), writer(guarded, queue, 0)
    await lane.write([record(own, b"before")], 1)
    assert b"before" in await values(guarded, guarded.topics.results)
    await _with_agents(guarded, ["unmade"])
    await lane.write([record(own, b"after")], 2)
    assert await values(guarded, own) == [b"after"]


async def test_a_revoked_right_does_not_block_others(guarded: Guarded, queue: TransactionQueue) -> None:
    made = await _with_agents(guarded, ["closed"])
    own, results = guarded.topics.agent_results("closed"), guarded.topics.results
    lane, other = writer(guarded, queue, 0), writer(guarded, queue, 1)
    await lane.write([record(own, b"1")], 1)
    rights = [acl for acl in made.access.acls if acl.user == WORKER and acl.name == own.name]
    await remove_acls(guarded.broker.admin, rights)
    await asyncio.gather(
        *(lane.write([record(own, b"%d" % number)], number) for number in range(2, 5)),
        *(other.write([record(results, b"other %d" % number)], number) for number in range(2, 5)),
    )
    assert await values(guarded, own) == [b"1"]
    taken = await values(guarded, results)
    assert [
        value for value in (b"2", b"3", b"4", b"other 2", b"other 3", b"other 4") if value not in taken
    ] == []


async def test_a_missing_topic_without_a_substitute_is_a_clear_error(
    guarded: Guarded, queue: TransactionQueue
) -> None:
    lane = writer(guarded, queue, 0)
    await lane.write([], 1)
    forbidden = guarded.topics.tier("small")  # a topic that it may only read
    with pytest.raises(TopicsClosedError, match=f"may not write to {forbidden.name}") as caught:
        await lane.write([Outgoing(forbidden.name, b"k", b"x", [])], 2)
    assert "pointsman access plan" in caught.value.hint
