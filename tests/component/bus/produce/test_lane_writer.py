"""A lane's transactions on a real broker are atomic and have one owner at a time."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ConcurrentTransactions,
    IllegalGenerationError,
    InvalidProducerEpoch,
    KafkaError,
    NoError,
    NotCoordinatorForGroupError,
    NotEnoughReplicasError,
    UnknownMemberIdError,
    for_code,
)

from pointsman.bench.hop.messages import records
from pointsman.bus.admin.committed import UnstableOffsetError
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.encoded_batch import EncodedBatch, unpacked
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.group_member import group_member
from pointsman.bus.errors import BrokerTooOldError
from pointsman.bus.produce import transactions
from pointsman.bus.produce.batches import BATCH_BYTES, Batches
from pointsman.bus.produce.lane_writer import LaneWriter, Position, partition_of
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.produce.transactions import Transactions, transaction_version
from pointsman.bus.protocol import transaction_requests as requests
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.bus.read.follow import follow
from pointsman.bus.settings import LanePart
from pointsman.dev.servers.stack import Stack
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman.runtime.clock import utc_now
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.sole_writer import SoleWriter
from tests.support.router.fast_path import needs_library
from tests.support.router.router_lanes import POLICY, REGISTRY

pytestmark = pytest.mark.stack

TIERS = ("small", "medium", "frontier")
TRANSACTIONS = 150
PRODUCE, COMMIT_OFFSET = 0, 28


@dataclass(frozen=True)
class Intake:
    """Separate topics, and writers for the lanes of one."""

    bootstrap: str
    topics: Topics

    @property
    def settings(self) -> LanePart:
        return LanePart(kafka=self.bootstrap, prefix=self.topics.prefix, transaction_timeout_ms=3_000)

    @property
    def group(self) -> str:
        return f"{self.topics.prefix}.router"

    def place(self, partition: int = 0) -> TopicPartition:
        return TopicPartition(self.topics.intake.name, partition)

    async def writer(self, partition: int = 0, membership: Membership | None = None) -> SoleWriter:
        return await SoleWriter.open(self.settings, self.group, self.place(partition), membership)

    def record(self, value: bytes, tier: str = "small", partition: int = 0) -> Outgoing:
        """A record whose key leads to the partition."""
        topic = self.topics.tier(tier)
        keys = (b"%d" % number for number in count())
        key = next(key for key in keys if partition_of(key, topic.partitions, count()) == partition)
        return Outgoing(topic.name, key, value, [("ce_id", b"1")])

    async def read(self, tier: str = "small") -> list[bytes | None]:
        names = [self.topics.tier(tier).name]
        records = follow(self.settings, names, start="beginning", until_end=True)
        return [record.value async for record in records]

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def position(self, writer: LaneWriter) -> Position:
        async with self.admin() as admin:
            return await writer.position(admin)


@pytest.fixture
async def intake(kafka: Kafka) -> Intake:
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, topics.all(TIERS))
    return Intake(kafka.bootstrap, topics)


async def test_the_stacks_broker_has_agreed_on_the_second_version(kafka: Kafka) -> None:
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
    await client.bootstrap()
    try:
        assert await transaction_version(client) == 2
    finally:
        await client.close()


async def test_a_cluster_without_transactions_v2_is_refused_with_a_remedy(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def agreed(client: object) -> int:
        return 1

    monkeypatch.setattr(transactions, "transaction_version", agreed)
    with pytest.raises(BrokerTooOldError, match=r"needs Kafka 4\.0") as caught:
        await intake.writer()
    assert "upgrade --feature transaction.version=2" in caught.value.hint


async def test_a_commit_writes_records_and_position(intake: Intake) -> None:
    writer = await intake.writer()
    try:
        await writer.write([intake.record(b"a"), intake.record(b"b", "medium")], 5, "")
        await writer.write([], 7, "")
        assert (await intake.read(), await intake.read("medium")) == ([b"a"], [b"b"])
        assert await intake.position(writer) == Position(7)
    finally:
        await writer.close()


async def test_several_batches_in_one_transaction(intake: Intake) -> None:
    """Incompressible records need several batches for each of two partitions."""
    values = [os.urandom(BATCH_BYTES // 3) for _ in range(16)]
    writer = await intake.writer()
    try:
        await writer.write(
            [intake.record(value, partition=place % 2) for place, value in enumerate(values)], 1
        )
    finally:
        await writer.close()
    read_values = await intake.read()
    assert [value for value in read_values if value in values[::2]] == values[::2]
    assert [value for value in read_values if value in values[1::2]] == values[1::2]
    assert len(read_values) == len(values)


@needs_library
async def test_encoded_batches_and_single_records_share_a_transaction(intake: Intake) -> None:
    """A router's lane writes both: batches of the fast path, and records of the full path."""
    jobs = [
        Incoming(intake.topics.intake.name, 0, offset, 0, key, value, ())
        for offset, (key, value) in enumerate(records(5_000))
    ]
    made = RouterHandler(
        POLICY, REGISTRY, intake.topics, utc_now, fast_score=FastScore(POLICY.scorer)
    ).handle_records(jobs)
    bundles = [item for item in made if isinstance(item, EncodedBatch)]
    assert len(bundles) > len({bundle.topic for bundle in bundles})  # some partition has more than one batch
    assert any(isinstance(item, Outgoing) for item in made)
    writer = await intake.writer()
    try:
        await writer.write(made, 5_000)
        assert await intake.position(writer) == Position(5_000)
    finally:
        await writer.close()
    sent = Counter(
        (record.topic, record.key, record.value, tuple(record.headers)) for record in unpacked(made)
    )
    tiers = [intake.topics.tier(tier).name for tier in TIERS]
    received: Counter[object] = Counter()
    async for incoming in follow(intake.settings, tiers, start="beginning", until_end=True):
        received[incoming.topic, incoming.key, incoming.value, tuple(incoming.headers)] += 1
    assert received == sent
    assert sum(received.values()) == 5_000


@asynccontextmanager
async def membership(intake: Intake) -> AsyncIterator[Membership]:
    """The membership of the group's only member, once it has its partitions."""

    async def assigned(_: object) -> None: ...

    async with group_member(intake.settings, intake.group) as member, asyncio.timeout(60):
        await member.join(assigned, topics=[intake.topics.intake.name])
        await member.settled.wait()
        yield member.membership


async def test_a_former_member_cannot_write(intake: Intake) -> None:
    """This holds for any partitions that it had, whoever owns them now."""
    async with membership(intake) as ended:
        before = await intake.writer(membership=ended)
        await before.write([intake.record(b"before")], 1)
    async with membership(intake) as present:
        owner = await intake.writer(membership=present)
        try:
            with pytest.raises((UnknownMemberIdError, IllegalGenerationError)):
                await before.write([intake.record(b"after its end")], 2)
            former = replace(present, generation=present.generation - 1)
            before.membership = former
            with pytest.raises(IllegalGenerationError):
                await before.write([intake.record(b"in a generation that is over")], 2)
            await owner.write([intake.record(b"owner")], 3)
            assert await intake.read() == [b"before", b"owner"]
            assert await intake.position(owner) == Position(3)
        finally:
            await before.close()
            await owner.close()


async def test_reading_a_position_waits_for_an_open_transaction(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer froze in a transaction, which the broker aborts after its timeout."""
    frozen = await intake.writer()
    reached = asyncio.Event()

    async def freeze(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(Transactions, "_next_epoch", freeze)
        writing = asyncio.create_task(frozen.write([intake.record(b"lost")], 1))
        await reached.wait()
    owner = await intake.writer()
    try:
        async with intake.admin() as admin:
            with pytest.raises(UnstableOffsetError):
                await owner.is_last(admin, within=0)
        assert await intake.position(owner) == Position(None)
        await owner.write([intake.record(b"owner")], 1)
        assert await intake.read() == [b"owner"]
    finally:
        writing.cancel()
        await frozen.close()
        await owner.close()


@pytest.mark.parametrize("broken", ["_commit_offsets", "_next_epoch"])
async def test_uncommitted_records_are_never_read(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    died = await intake.writer()

    async def die(*_: object) -> None:
        raise KafkaError

    with monkeypatch.context() as patch:
        patch.setattr(Transactions, broken, die)
        with pytest.raises(KafkaError):
            await died.write([intake.record(b"lost")], 1)
    await died.close()
    owner = await intake.writer()
    try:
        assert await intake.position(owner) == Position(None)
        assert await intake.read() == []
    finally:
        await owner.close()


async def test_a_late_record_of_an_earlier_transaction_is_refused(intake: Intake) -> None:
    """A record delayed until its transaction ended must not become part of the next one."""
    writer = await intake.writer()
    try:
        inside = writer.queue.transactions
        client, name, earlier = inside._client, inside._name, inside._producer
        place = (intake.topics.tier("small").name, 0)
        late = Batches([intake.record(b"late")], earlier.id, earlier.epoch).batch or b""
        await writer.write([intake.record(b"first", partition=1)], 1)

        sent_late: list[int] = []

        async def late_first(*arguments: Any) -> Any:
            monkeypatched.undo()
            answer = await client.send(client.get_random_node(), requests.produce(name, 1_000, {place: late}))
            sent_late.append(answer[place])
            return await before(*arguments)

        before = inside._commit_offsets
        monkeypatched = pytest.MonkeyPatch()
        monkeypatched.setattr(inside, "_commit_offsets", late_first)
        await writer.write([intake.record(b"second", partition=0)], 2)
        assert [for_code(code) for code in sent_late] == [InvalidProducerEpoch]
        assert sorted(filter(None, await intake.read())) == [b"first", b"second"]
    finally:
        await writer.close()


async def test_no_record_of_a_transaction_is_refused(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Counter[type[KafkaError]] = Counter()
    send = AIOKafkaClient.send

    async def counted(self: Any, node: int, request: Any, **more: Any) -> Any:
        answer = await send(self, node, request, **more)
        if request.API_KEY == PRODUCE:
            answers.update(map(for_code, _codes(answer)))
        return answer

    monkeypatch.setattr(AIOKafkaClient, "send", counted)

    queue = TransactionQueue(await Transactions.open(intake.settings, intake.group))

    async def work(partition: int) -> None:
        writer = SoleWriter(intake.group, intake.place(partition), queue)
        for number in range(TRANSACTIONS):
            await writer.write([intake.record(b"%d" % number, tier) for tier in TIERS], number + 1)

    partitions = range(intake.topics.intake.partitions)
    try:
        await asyncio.gather(*map(work, partitions))
    finally:
        await queue.close()
    assert 0 < answers[NoError] <= len(partitions) * TRANSACTIONS * len(TIERS)
    # A coordinator may still be completing the previous transaction; that error is retried.
    passing = {error for error in answers if error.retriable or error is ConcurrentTransactions}
    assert set(answers) - passing == {NoError}


def _codes(answer: Any) -> list[int]:
    if isinstance(answer, dict):
        return list(answer.values())
    return [part[1] for _, parts in answer.topics for part in parts]


async def test_a_retriable_error_is_retried(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retriable errors: replicas are behind, or the coordinator is moving."""
    refusals = {PRODUCE: NotEnoughReplicasError.errno, COMMIT_OFFSET: NotCoordinatorForGroupError.errno}
    places = {PRODUCE: (intake.topics.tier("small").name, 0), COMMIT_OFFSET: tuple(intake.place())}
    send = AIOKafkaClient.send

    async def refused_once(self: Any, node: int, request: Any, **more: Any) -> Any:
        if request.API_KEY in refusals:
            return {places[request.API_KEY]: refusals.pop(request.API_KEY)}
        return await send(self, node, request, **more)

    writer = await intake.writer()
    monkeypatch.setattr(AIOKafkaClient, "send", refused_once)
    try:
        await writer.write([intake.record(b"once", partition=0)], 1)
        assert await intake.position(writer) == Position(1)
    finally:
        await writer.close()
    assert refusals == {}
    assert await intake.read() == [b"once"]


@asynccontextmanager
async def own_broker(folder: Path) -> AsyncIterator[tuple[Stack, Intake]]:
    stack = Stack(folder)
    await asyncio.to_thread(stack.kafka.start)
    try:
        topics = Topics("t")
        await apply(stack.kafka.settings, topics.all(TIERS))
        yield stack, Intake(stack.kafka.bootstrap, topics)
    finally:
        await asyncio.to_thread(stack.stop)


@pytest.mark.slow
async def test_a_broker_restart_is_waited_for(tmp_path: Path) -> None:
    async with own_broker(tmp_path) as (stack, intake):
        writer = await intake.writer()
        under_way = asyncio.Event()

        async def write_on() -> None:
            for number in range(300):
                await writer.write([intake.record(b"%d" % number, partition=0)], number + 1)
                if number == 100:
                    under_way.set()

        writing = asyncio.create_task(write_on())
        try:
            await under_way.wait()
            stack.kafka.kill()
            await asyncio.to_thread(stack.kafka.start)
            await writing
            assert await intake.read() == [b"%d" % number for number in range(300)]
            assert await intake.position(writer) == Position(300)
        finally:
            writing.cancel()
            await writer.close()
