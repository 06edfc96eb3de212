"""The commands `pointsman audit verify` and `pointsman audit key`, against a database and against Kafka."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.identity.keys import PrivateKey
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.example_records import TOPICS, story, story_id
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, audit_pool, put
from tests.support.store.integrity import KEY, START, WHERE, drop, rechain, record, sign, tamper

pytestmark = pytest.mark.stack


@pytest.fixture
def pointsman(database: str, kafka: Kafka, tmp_path: Path) -> Command:
    return Command(
        tmp_path,
        {
            "POINTSMAN_POSTGRES": as_auditor(database),
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_AUDIT_PUBLIC_KEY": KEY.public.text,
        },
    )


async def test_an_intact_record_verifies(pointsman: Command, database: str) -> None:
    await record(database)
    done = await pointsman.run("audit", "verify")
    assert done.code == 0, done.err
    assert done.lines[0] == "✓ the record is whole"
    assert f"2 checkpoints; signatures: held against the key {KEY.public.id}" in done.lines
    by_job = await pointsman.run("audit", "verify", "--job", str(story_id(7))[:13], "--json")
    assert (by_job.code, by_job.json["whole"], by_job.json["report"]["rows"]) == (0, True, 24)
    by_day = await pointsman.run("audit", "verify", "--day", "2026-03-12", "--from", "newest", "--json")
    assert by_day.json["report"]["rows"] == 48


async def test_the_first_wrong_row_is_named(pointsman: Command, database: str) -> None:
    await record(database)
    await tamper(database, f'update audit.message set cost_usd = 0 {WHERE} and "offset" = 7')
    done = await pointsman.run("audit", "verify")
    assert done.code == 1
    assert done.lines[0].startswith("✗ 1 thing")
    assert "pointsman.calls/0@7" in done.lines[1]
    verification = (await pointsman.run("audit", "verify", "--json")).json
    assert [finding["offset"] for finding in verification["report"]["findings"]] == [7]


async def test_without_a_public_key_it_says_that_signatures_were_not_checked(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    await record(database)
    done = await Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)}).run("audit", "verify")
    assert done.code == 0
    assert any("signatures: not looked at" in line for line in done.lines)
    wrong = await pointsman.run("audit", "verify", "--public-key", "abc")
    assert wrong.code == 1
    assert "32 bytes in base64" in wrong.err


async def test_checkpoints_of_two_keys_are_verified_by_both_public_ones(
    pointsman: Command, database: str, tmp_path: Path
) -> None:
    await record(database)
    made = await pointsman.run("audit", "key", "next.pem")
    next_key = PrivateKey.parse((tmp_path / "next.pem").read_text())
    async with audit_pool(database) as pool:  # by the process that has the key
        writer = AuditWriter(pool)
        await put(writer, [row_of(incoming, TOPICS) for incoming in story(12, START + timedelta(minutes=12))])
        await sign(pool, writer, next_key)
    both = f"{KEY.public.text},{made.out.strip()}"
    done = await pointsman.run("audit", "verify", "--public-key", both)
    assert done.code == 0, done.out
    assert (
        f"3 checkpoints; signatures: held against the key {KEY.public.id},{next_key.public.id}" in done.lines
    )
    alone = await pointsman.run("audit", "verify", "--json")
    wrong = [finding["wrong"] for finding in alone.json["report"]["findings"]]
    assert (alone.code, wrong) == (1, ["checkpoint"])


async def test_a_key_is_created_once_and_private(pointsman: Command, tmp_path: Path) -> None:
    made = await pointsman.run("audit", "key", "audit.pem")
    assert made.code == 0, made.err
    file = tmp_path / "audit.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PrivateKey.parse(file.read_text()).public.text == made.out.strip()
    again = await pointsman.run("audit", "key", "audit.pem")
    assert again.code == 1
    assert "exists already" in again.err


@pytest.fixture
async def published(kafka: Kafka, database: str) -> AsyncIterator[Topics]:
    """Thirty stored and signed records in four partitions; two more and the checkpoint follow later."""
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, topics.all([]))
    jobs = [Outgoing(topics.intake.name, b"%d" % n, b'{"n": %d}' % n, [("h", b"\xff")]) for n in range(30)]
    async with Publisher(kafka.settings) as publisher, audit_pool(database) as pool:
        await publisher.publish(jobs)
        reading = follow(kafka.settings, [topics.intake.name], start="beginning", until_end=True)
        writer = AuditWriter(pool)
        await put(writer, [row_of(incoming, topics) async for incoming in reading])
        message = await sign(pool, writer)
        later = [Outgoing(topics.intake.name, b"%d" % n, b"later", []) for n in range(2)]
        await publisher.publish([*later, Outgoing(topics.checkpoints.name, b"audit", message, [])])
    yield topics


async def against_kafka(pointsman: Command) -> tuple[int, list[str]]:
    done = await pointsman.run("audit", "verify", "--against-kafka", "--json")
    assert done.json["kafka"]["not_yet"] == 3
    return done.json["kafka"]["same"], sorted(finding["wrong"] for finding in done.json["report"]["findings"])


async def test_rows_are_compared_with_kafka_record_by_record(
    pointsman: Command, database: str, published: Topics
) -> None:
    assert await against_kafka(pointsman) == (30, [])


async def test_a_consistent_forgery_is_found_while_kafka_has_the_records(
    pointsman: Command, database: str, published: Topics
) -> None:
    """The database is rewritten consistently and has no checkpoints; Kafka still shows it."""
    lane = (published.intake.name, 0)
    await rechain(database, lambda row: row._replace(value=b"{}"), lane)
    await tamper(database, "delete from audit.checkpoint")
    plain = await pointsman.run("audit", "verify")
    assert plain.code == 1
    assert "there is none" in plain.out
    _, problems = await against_kafka(pointsman)
    assert problems == ["checkpoint", "kafka_differs", "rewritten"]


async def test_records_deleted_by_retention_are_not_missing(
    pointsman: Command, database: str, published: Topics
) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert await drop(database, tomorrow) == 30
    done = await pointsman.run("audit", "verify", "--against-kafka", "--json")
    assert (done.code, done.json["kafka"]["dropped"], done.json["report"]["rows"]) == (0, 30, 0)


async def test_missing_and_additional_rows_are_found(
    pointsman: Command, database: str, published: Topics
) -> None:
    lane = (published.intake.name, 0)
    where = f"where topic = '{lane[0]}' and partition = 0"
    await tamper(database, f'update audit.message set "offset" = "offset" + 100 {where} and "offset" = 3')
    await rechain(database, lambda row: row, lane)
    _, problems = await against_kafka(pointsman)
    assert "not_stored" in problems
    async with audit_pool(database) as pool:
        await AuditWriter(pool).append([], {(published.results.name, 0): Move(None, 5)})
    assert "not_stored" in (await against_kafka(pointsman))[1]
