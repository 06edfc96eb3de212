"""Verification finds every change by a database owner without the signing key, and says where it is."""

from dataclasses import replace
from datetime import date

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.identity.keys import PrivateKey
from pointsman.store import migrate
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move
from pointsman.store.append.row import Row
from pointsman.store.sql import migrations
from pointsman.store.verify.findings import VerifyReport, Wrong
from pointsman.store.verify.verify import Scope, verify
from tests.support.bus.example_records import NAMES, TOPICS, example, story, story_id
from tests.support.store.audit_store import as_auditor, audit_pool, observer, prepare, put, row, rows
from tests.support.store.integrity import CALLS, KEY, START, WHERE, rechain, record, sign, tamper

pytestmark = pytest.mark.stack

EVERYTHING = Scope()


async def look(dsn: str, scope: Scope = EVERYTHING, published: tuple[bytes, ...] = ()) -> VerifyReport:
    return await verify(as_auditor(dsn), scope, public=KEY.public, published=published)


async def first(dsn: str, scope: Scope = EVERYTHING) -> tuple[Wrong, int | None]:
    """The only finding."""
    (finding,) = (await look(dsn, scope)).findings
    return finding.wrong, finding.offset


async def test_an_unchanged_record_verifies(database: str) -> None:
    await record(database)
    report = await look(database)
    assert (report.findings, report.rows, report.lanes, report.checkpoints) == ([], 48, 4, 2)
    assert (report.older, report.unsigned) == (0, 0)


async def test_every_kind_of_message_and_strange_row_verifies(database: str) -> None:
    strange = [
        row(0, payload="NaN"),
        row(1, model="\0"),
        row(2, headers="["),
        row(3, key=b"\xff", value=None),
    ]
    async with audit_pool(database) as pool:
        records = [replace(example(name), offset=offset) for offset, name in enumerate(NAMES)]
        await put(AuditWriter(pool, clock=lambda: START), [row_of(record, TOPICS) for record in records])
        writer = AuditWriter(pool, clock=lambda: START)
        await put(writer, strange)
        other = PrivateKey.parse("33" * 32)  # the example of a checkpoint is signed by the key of the tests
        await sign(pool, writer, other)
    report = await verify(as_auditor(database), EVERYTHING, public=other.public)
    assert (report.findings, report.rows) == ([], len(NAMES) + len(strange))


#: Changes to the row at offset 7 that leave its digest and link as they are.
CHANGES = {
    "one bit of the value": "value = set_bit(value, 100, 1 - get_bit(value, 100))",
    "the key": "key = key || 'x'",
    "a header": "headers = jsonb_set(headers, '{2,1}', '\"pointsman/worker/other\"')",
    "the timestamp": "timestamp_ms = timestamp_ms + 1",
    "the broker's time": "broker_at = broker_at + interval '1 microsecond'",
    "the time of recording": "recorded_at = recorded_at + interval '1 microsecond'",
    "the producer's time": "produced_at = null",
    "the agent": "agent_id = 'somebody-else'",
    "the cost": "cost_usd = cost_usd * 1.0001",
    "the tokens": "tokens_in = tokens_in + 1",
    "the duration": "duration_ms = duration_ms + 0.0001",
    "the job": "job_id = gen_random_uuid()",
    "the payload": "payload = jsonb_set(payload, '{attempt}', '2')",
    "the payload away": "payload = null",
    "a reason": "unreadable = 'never mind'",
    "the digest": "record_sha256 = sha256('x')",
    "the link": "chain = sha256('x')",
    "no link": "chain = null",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_changed_column_is_found_in_its_row(database: str, change: str) -> None:
    await record(database)
    await tamper(database, f'update audit.message set {change} {WHERE} and "offset" = 7')
    wrong, offset = await first(database)
    assert offset == 7
    assert wrong in {Wrong.BYTES, Wrong.LINK, Wrong.PAYLOAD, Wrong.UNCHAINED}


async def test_every_column_is_covered(database: str) -> None:
    await prepare(database)
    async with observer(database) as connection:
        columns = await connection.fetch(
            "select column_name as name from information_schema.columns"
            " where table_schema = 'audit' and table_name = 'message'"
        )
    assert {column["name"] for column in columns} == {*Row._fields, "recorded_at", "chain"}


async def test_a_removed_row_is_found_at_the_next_row(database: str) -> None:
    await record(database)
    await tamper(database, f'delete from audit.message {WHERE} and "offset" = 7')
    assert await first(database) == (Wrong.LINK, 8)


@pytest.mark.parametrize(
    "place",
    ['"offset" = 700', "broker_at = broker_at + interval '1 second'", "partition = 77", '"offset" = -1'],
)
async def test_an_inserted_row_is_found(database: str, place: str) -> None:
    await record(database)
    await tamper(
        database,
        f'create temp table forged as select * from audit.message {WHERE} and "offset" = 7',
        f"update forged set {place}",
        "insert into audit.message select * from forged",
    )
    assert (await look(database)).findings


async def test_two_swapped_rows_are_found(database: str) -> None:
    await record(database)
    await tamper(
        database,
        f'update audit.message set "offset" = 1000 {WHERE} and "offset" = 6',
        f'update audit.message set "offset" = 6 {WHERE} and "offset" = 7',
        f'update audit.message set "offset" = 7 {WHERE} and "offset" = 1000',
    )
    assert await first(database) == (Wrong.BYTES, 6)


CUT = f'delete from audit.message {WHERE} and "offset" > 8'
RESET = (
    "update audit.lane set next_offset = 9, rows = 9,"
    f' chain = (select chain from audit.message {WHERE} and "offset" = 8) {WHERE}'
)


async def test_a_removed_tail_is_found_by_the_lane_s_head(database: str) -> None:
    await record(database, checkpoint_after=())
    await tamper(database, CUT)
    assert await first(database) == (Wrong.END_MISSING, 8)


async def test_a_removed_tail_with_a_reset_head_is_found_by_the_checkpoint(database: str) -> None:
    await record(database)
    await tamper(database, CUT, RESET)
    assert await first(database) == (Wrong.END_MISSING, 8)


async def test_a_chain_rewritten_without_the_key_is_found_by_the_checkpoint(database: str) -> None:
    await record(database)
    await rechain(database, lambda entry: entry._replace(agent_id="nobody") if entry.offset == 7 else entry)
    assert await first(database) == (Wrong.REWRITTEN, 6), "rows up to 5 fit the first checkpoint"
    await tamper(database, "delete from audit.checkpoint")
    (finding,) = (await look(database)).findings  # a recomputed chain is consistent
    assert (finding.wrong, finding.said[:13]) == (Wrong.CHECKPOINT, "there is none")


async def test_checkpoints_rewritten_with_another_key_are_found(database: str) -> None:
    await record(database, checkpoint_after=())
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        await put(writer, [row_of(story(12, START)[2], TOPICS)])
        await sign(pool, writer, PrivateKey.parse("22" * 32))
    (finding,) = (await look(database)).findings
    assert finding.wrong is Wrong.CHECKPOINT
    assert "not signed by the key" in finding.said


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("delete from audit.checkpoint where number = 1", "checkpoint 1 is missing"),
        ("update audit.checkpoint set number = 7 where number = 2", "checkpoint 2 is missing"),
        ("update audit.checkpoint set"
         " message = decode(replace(encode(message, 'escape'), '\"rows\":12,', '\"rows\":11,'), 'escape')",
         "not signed by the key"),
        ("update audit.checkpoint set message = 'x' where number = 1", "cannot be read"),
    ],
)  # fmt: skip
async def test_changed_checkpoints_are_found(database: str, statement: str, expected: str) -> None:
    await record(database)
    await tamper(database, statement)
    findings = (await look(database)).findings
    assert any(expected in finding.said for finding in findings), findings


async def test_checkpoints_that_only_kafka_has_still_count(database: str) -> None:
    await record(database)
    async with observer(database) as connection:
        stored = await connection.fetch("select message from audit.checkpoint order by number")
    published = tuple(entry["message"] for entry in stored)
    assert (await look(database, published=(*published, b"anybody's"))).whole
    await rechain(database, lambda entry: entry._replace(agent_id="nobody") if entry.offset == 7 else entry)
    await tamper(database, "delete from audit.checkpoint")
    wrong = {
        (finding.wrong, finding.offset) for finding in (await look(database, published=published)).findings
    }
    assert wrong == {(Wrong.CHECKPOINT, None), (Wrong.REWRITTEN, 6)}


async def test_a_removed_or_shortened_lane_is_found(database: str) -> None:
    await record(database)
    await tamper(database, f"update audit.lane set chained_from = 3 {WHERE}")
    assert Wrong.LANE in {finding.wrong for finding in (await look(database)).findings}
    await tamper(database, f"delete from audit.message {WHERE}", f"delete from audit.lane {WHERE}")
    (finding,) = (await look(database)).findings
    assert (finding.wrong, finding.topic, finding.partition) == (Wrong.LANE, *CALLS)


async def test_a_day_and_a_job_are_verified_between_checkpoints(database: str) -> None:
    await record(database, jobs=range(30), checkpoint_after=(9, 19, 29))
    assert (await look(database, Scope(job_id=story_id(12)))).rows == 4 * 10
    assert (await look(database, Scope(day=date(2026, 3, 12)))).rows == 4 * 30
    assert (await look(database, Scope(day=date(2026, 3, 13)))).rows == 0
    await tamper(database, f'update audit.message set agent_id = null {WHERE} and "offset" = 15')
    for scope in (Scope(job_id=story_id(12)), Scope(day=date(2026, 3, 12)), Scope()):
        assert await first(database, scope) == (Wrong.LINK, 15), scope
    assert (await look(database, Scope(job_id=story_id(3)))).whole


async def test_from_the_newest_checkpoint_only_what_came_after_is_read(database: str) -> None:
    await record(database, jobs=range(15), checkpoint_after=(9,))
    await tamper(database, f'update audit.message set agent_id = null {WHERE} and "offset" = 4')
    report = await look(database, Scope(newest=True))
    assert (report.findings, report.rows, report.unsigned) == ([], 4 * 5, 4 * 5)
    await tamper(database, f'update audit.message set agent_id = null {WHERE} and "offset" = 12')
    assert await first(database, Scope(newest=True)) == (Wrong.LINK, 12)


async def test_gaps_in_offsets_are_none_in_the_chain(database: str) -> None:
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        await put(writer, rows(3, 6) + rows(8, 9))
        await put(writer, rows(20, 22))
        await writer.append([], {("t", 0): Move(22, 30)})
        await sign(pool, writer)
    assert (await look(database)).whole


async def test_rows_older_than_the_chain_are_distinguished(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = {name: text for name, text in migrations().items() if name < "0005"}
    with monkeypatch.context() as before:
        before.setattr(migrate, "migrations", lambda: older)
        await migrate.migrate(database)
    async with observer(database) as connection:
        await connection.execute(
            'insert into audit.message (topic, partition, "offset", broker_at, headers)'
            " select 't', 0, n, now(), '[]' from generate_series(0, 4) as n"
        )
        await connection.execute("insert into audit.lane values ('t', 0, 5)")
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        await put(writer, rows(5, 9))
        await sign(pool, writer)
    report = await look(database)
    assert (report.findings, report.rows, report.older) == ([], 4, 5)
    await tamper(database, 'delete from audit.message where "offset" = 5')
    assert await first(database) == (Wrong.LINK, 6)


async def test_the_writer_notices_when_somebody_moved_its_chain(database: str) -> None:
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        await put(writer, rows(0, 3))
        await tamper(database, "update audit.lane set chain = sha256('x')")
        with pytest.raises(Exception, match="changed by somebody else"):
            await put(writer, rows(3, 6))
    assert {finding.wrong for finding in (await look(database)).findings} == {Wrong.HEAD}
