"""The audit of recreated topics, of another cluster's topics, and of records deleted unread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from pointsman.audit import app
from pointsman.audit.handlers import Sink
from pointsman.audit.settings import AuditSettings
from pointsman.bus.admin.topic_seed import TopicMark
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.emit import dead_letter
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume import read_positions
from pointsman.bus.settings import LanePart
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.clock import utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.metrics import LOST
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.verify.findings import Wrong
from pointsman.store.verify.verify import Scope, verify
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.ids import derived_id
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.sole_writer import SoleWriter
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, as_writer, audit_pool, observer, prepare
from tests.support.store.privacy import store

pytestmark = pytest.mark.stack

PARTITION = 2
SECRET = "07" * 32
PUBLIC = PrivateKey.parse(SECRET).public.text
LONG_S = 60


class Audited:
    """An installation with the audit service only."""

    def __init__(self, kafka: Kafka, dsn: str, folder: Path) -> None:
        self.kafka = kafka
        self.dsn = dsn
        self.topics = Topics(kafka.prefix)
        self.intake = self.topics.intake.name
        environment = {"POINTSMAN_KAFKA": kafka.bootstrap, "POINTSMAN_PREFIX": kafka.prefix}
        self.reads = Command(folder, {**environment, "POINTSMAN_POSTGRES": as_auditor(dsn)})
        self.owns = Command(folder, {**environment, "POINTSMAN_POSTGRES": dsn})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Any]:
        settings = AuditSettings(
            kafka=self.kafka.bootstrap,
            prefix=self.kafka.prefix,
            postgres=as_writer(self.dsn),
            session_timeout_ms=6_000,
            audit_key=SECRET,
            checkpoint_s=1,
        )
        service = app.build(settings)
        async with service.resources():
            task = asyncio.ensure_future(service.run())
            try:
                yield service
            finally:
                service.stop()
                await asyncio.wait_for(task, LONG_S)

    async def publish(self, *prompts: str) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap) as producer:
            for prompt in prompts:
                body = b'{"agent_id": "tester", "prompt": "%b"}' % prompt.encode()
                await producer.send_and_wait(self.intake, body, partition=PARTITION)

    async def rows(self) -> list[Any]:
        async with observer(self.dsn) as connection:
            return await connection.fetch(
                "select topic, \"offset\", job_id::text as job_id, payload ->> 'prompt' as prompt "
                "from audit.message where payload ? 'prompt' order by recorded_at, \"offset\""
            )

    async def until_stored(self, *prompts: str) -> list[Any]:
        async with asyncio.timeout(LONG_S):
            rows = await self.rows()
            while [row["prompt"] for row in rows] != list(prompts):
                await asyncio.sleep(0.1)
                rows = await self.rows()
        return rows

    async def until_signed(self, text: str) -> None:
        """Waits until a checkpoint contains the row."""
        async with asyncio.timeout(LONG_S):
            while not await self.signed(text):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def signed(self, text: str) -> bool:
        async with observer(self.dsn) as connection:
            messages = await connection.fetch("select message from audit.checkpoint")
        return any(text.encode() in row["message"] for row in messages)

    async def until_ready(self, service: Any) -> None:
        async with asyncio.timeout(LONG_S):
            while service.not_ready() is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def until_stopped(self, service: Any) -> str:
        """Waits for the audit's message that this is not the topic it read before."""
        async with asyncio.timeout(LONG_S):
            while self.intake not in (service.not_ready() or ""):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return str(service.not_ready())

    async def execute(self, statement: str, *arguments: object) -> None:
        async with observer(self.dsn) as connection:
            await connection.execute(statement, *arguments)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def make_anew(self) -> None:
        async with self.admin() as admin:
            await admin.delete_topics([self.intake])
            async with asyncio.timeout(LONG_S):
                while self.intake in await admin.list_topics():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        await apply(self.kafka.settings, [self.topics.intake])

    async def delete_before(self, offset: int) -> None:
        async with self.admin() as admin:
            tp = TopicPartition(self.intake, PARTITION)
            await admin.delete_records({tp: RecordsToDelete(before_offset=offset)})

    def lost(self) -> float:
        return float(LOST.labels(self.intake)._value.get())


@pytest.fixture
async def audited(kafka: Kafka, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audited:
    monkeypatch.setattr(read_positions, "_RECHECK_S", 0.2)
    await prepare(database)
    await apply(kafka.settings, Topics(kafka.prefix).all([]))
    return Audited(kafka, database, tmp_path)


@pytest.mark.parametrize("running", [True, False])
async def test_a_recreated_topic_stops_its_lanes_until_it_is_adopted(
    audited: Audited, running: bool, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = ("first 0", "first 1", "first 2"), ("second 0", "second 1", "second 2", "second 3")
    async with audited.running() as service:
        await audited.publish(*first)
        await audited.until_stored(*first)
        if running:
            await audited.make_anew()
            await audited.until_stopped(service)
    if not running:
        await audited.make_anew()
    await audited.publish(*second)
    async with audited.running() as service:
        assert "pointsman audit adopt" in await audited.until_stopped(service)
        await audited.until_stored(*first)
        would = await audited.owns.run("audit", "adopt", "--dry-run")
        assert "would begin" in would.out
        done = await audited.owns.run("audit", "adopt", "--json")
        assert [(chapter["topic"], chapter["chapter"]) for chapter in done.json] == [(audited.intake, 2)]
        rows = await audited.until_stored(*first, *second)
        await audited.until_ready(service)
        await audited.publish("third")
        rows = await audited.until_stored(*first, *second, "third")
    assert [(row["topic"], row["offset"]) for row in rows] == [
        *((audited.intake, offset) for offset in range(3)),
        *((f"{audited.intake}#2", offset) for offset in range(5)),
    ]
    assert len({row["job_id"] for row in rows}) == 8
    said_of = [record.__dict__["fields"] for record in caplog.records if record.msg == Event.TOPIC_CHANGED]
    assert {entry["topic"] for entry in said_of} == {audited.intake}
    whole = await audited.reads.run("audit", "verify", "--against-kafka", "--public-key", PUBLIC)
    assert whole.code == 0, whole.out
    nothing = await audited.owns.run("audit", "adopt")
    assert "every topic is the one" in nothing.out


async def test_another_cluster_with_the_same_database_is_reported(audited: Audited) -> None:
    async with audited.running():
        await audited.publish("first")
        await audited.until_stored("first")
    await audited.execute("update audit.chapter set cluster_id = 'another'")
    await audited.publish("second")
    async with audited.running() as service:
        await audited.until_stopped(service)
        await audited.until_stored("first")
        done = await audited.owns.run("audit", "adopt")
        assert f"{audited.intake}: chapter 2 begins, stored as {audited.intake}#2" in done.lines
        await audited.until_stored("first", "first", "second")


async def test_rows_older_than_chapters_belong_to_the_first(audited: Audited) -> None:
    async with audited.running():
        await audited.publish("first")
        await audited.until_stored("first")
    await audited.execute("truncate audit.chapter")
    await audited.publish("second")
    async with audited.running() as service:
        await audited.until_stored("first", "second")
        await audited.until_ready(service)


async def test_ids_are_those_that_the_router_derives(audited: Audited) -> None:
    """For a job without an id, audit and router must derive the same one."""
    settings = LanePart(kafka=audited.kafka.bootstrap, prefix=audited.kafka.prefix)
    place = TopicPartition(audited.intake, PARTITION)
    writer = await SoleWriter.open(settings, f"{audited.kafka.prefix}.router", place)
    await writer.write([], 0)  # a position without a topic id
    await writer.close()
    await audited.publish("one")
    async with audited.running():
        (row,) = await audited.until_stored("one")
    assert row["job_id"] == str(derived_id(audited.intake, PARTITION, 0, "job"))
    other = TopicMark(uuid4(), by_name=False)
    assert derived_id(other.seed(audited.intake), PARTITION, 0, "job") != row["job_id"]


async def test_records_deleted_before_the_audit_read_them_are_a_finding(audited: Audited) -> None:
    async with audited.running():
        await audited.publish("0")
        await audited.until_stored("0")
    await audited.publish("1", "2", "3", "4")
    await audited.delete_before(4)
    before = audited.lost()
    for _ in range(2):
        async with audited.running() as service:
            await audited.until_stored("0", "4")
            await audited.until_ready(service)
            await audited.until_signed('"lost":[')
    assert audited.lost() - before == 3
    as_json = await audited.reads.run("audit", "verify", "--json", "--public-key", PUBLIC)
    assert as_json.code == 1
    assert [
        (finding["wrong"], finding["topic"], finding["partition"], finding["offset"])
        for finding in as_json.json["report"]["findings"]
    ] == [("lost", audited.intake, PARTITION, 1)]
    as_text = await audited.reads.run("audit", "verify", "--public-key", PUBLIC)
    assert any(
        "offsets 1 to 3 were deleted from Kafka before the audit read them" in line for line in as_text.lines
    )
    await audited.execute("delete from audit.lost; delete from audit.chapter where topic like '%results'")
    signed = await audited.reads.run("audit", "verify", "--public-key", PUBLIC)
    assert signed.code == 1
    for table in ("audit.lost", "audit.chapter"):
        assert any(table in line and "is not there, and checkpoint" in line for line in signed.lines), table


async def test_records_that_a_router_or_worker_did_not_read_are_a_finding(database: str) -> None:
    topics = Topics("pointsman")
    place = (topics.tier("small").name, 3)
    lost = Incoming(*place, 7, 0, None, None, ())
    letter = DeadLetter(Reason.INTERNAL, "gone", "worker.small", *lost.origin, lost_before=9)
    other = DeadLetter(Reason.INTERNAL, "a bug", "worker.small", *lost.origin)
    sent = [
        dead_letter(topics.dead, lost, reported, cause=None, source="pointsman/worker.small", now=utc_now())
        for reported in (other, letter)
    ]
    records = [
        Incoming(record.topic, 0, offset, 0, record.key, record.value, tuple(record.headers))
        for offset, record in enumerate(sent)
    ]
    async with audit_pool(database) as pool:
        sink = Sink(AuditWriter(pool), topics, utc_now)
        await store(sink, records)
    (finding,) = (await verify(as_auditor(database), Scope())).findings
    assert (finding.wrong, finding.place, finding.said) == (Wrong.LOST, f"{place[0]}/3@7", "gone")
