"""Retention drops whole days, and the rest verifies; rows dropped in any other way are detected."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.row import Row
from pointsman.store.verify.findings import VerifyReport, Wrong
from pointsman.store.verify.verify import Scope, verify
from tests.support.bus.example_records import TOPICS, story, story_id
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, audit_pool, observer, put, row
from tests.support.store.integrity import KEY, drop, record, sign, tamper

pytestmark = pytest.mark.stack

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def at(offset: int, days_ago: int, partition: int = 0) -> Row:
    return row(offset, partition=partition, broker_at=NOON - days_ago * DAY)


#: Two lanes over four days; in the first lane, days are not in order of offsets.
ROWS = [
    *(at(offset, 3) for offset in range(4)), at(4, 2), *(at(offset, 3) for offset in range(5, 8)),
    *(at(offset, 2) for offset in range(8, 12)), at(12, 3), *(at(offset, 1) for offset in range(13, 16)),
    at(16, 2), at(17, 0), *(at(offset, 3 - offset // 3, partition=1) for offset in range(12)),
]  # fmt: skip


async def filled(dsn: str, *, sign_after: int | None = None) -> None:
    """Stores one batch per row, with a checkpoint after each row or after one."""
    async with audit_pool(dsn) as pool:
        writer = AuditWriter(pool, clock=lambda: NOON)
        for number, stored_row in enumerate(ROWS):
            await put(writer, [stored_row])
            if sign_after is None or number == sign_after:
                await sign(pool, writer)


async def look(dsn: str, day: date | None = None) -> VerifyReport:
    return await verify(as_auditor(dsn), Scope(day=day), public=KEY.public)


@pytest.mark.parametrize("sign_after", [None, 20, 0])
async def test_the_rest_verifies_after_each_dropped_day(database: str, sign_after: int | None) -> None:
    await filled(database, sign_after=sign_after)
    left = len(ROWS)
    for days_ago in (3, 2, 1, 0):
        day = (NOON - days_ago * DAY).date()
        dropped = await drop(database, day + DAY)
        assert dropped == sum(stored_row.broker_at.date() == day for stored_row in ROWS)
        left -= dropped
        report = await look(database)
        assert (report.findings, report.rows, report.dropped) == ([], left, len(ROWS) - left)
        assert (await look(database, NOON.date())).whole
    assert left == 0


@pytest.mark.parametrize("offset", [4, 8, 13, 16, 17])
async def test_a_row_removed_in_another_way_is_still_found(database: str, offset: int) -> None:
    await filled(database)
    await drop(database, (NOON - 2 * DAY).date())
    await tamper(database, f'delete from audit.message where partition = 0 and "offset" = {offset}')
    assert {finding.wrong for finding in (await look(database)).findings} <= {Wrong.LINK, Wrong.END_MISSING}
    assert not (await look(database)).whole


async def test_a_day_that_the_owner_drops_by_hand_is_found(database: str) -> None:
    await filled(database)
    await tamper(database, "alter table audit.message_20260311 rename to gone")
    async with observer(database) as connection:
        await connection.execute("drop table audit.gone")
    assert not (await look(database)).whole


async def test_an_unsigned_statement_hides_nothing(database: str) -> None:
    await filled(database)
    await drop(database, (NOON - 2 * DAY).date(), key=None)
    assert Wrong.DROPPED in {finding.wrong for finding in (await look(database)).findings}
    await tamper(database, "update audit.dropped set statement = 'x'")
    assert Wrong.DROPPED in {finding.wrong for finding in (await look(database)).findings}


async def test_rows_outside_daily_partitions_stay(database: str) -> None:
    async with audit_pool(database) as pool:
        far = row(1, broker_at=datetime(1999, 1, 1, tzinfo=UTC))
        writer = AuditWriter(pool, clock=lambda: NOON)
        await put(writer, [at(0, 3), far, at(2, 3)])
        await sign(pool, writer)
        await drop(database, NOON.date())
        report = await look(database)
    assert (report.findings, report.rows, report.dropped) == ([], 1, 2)


async def test_summaries_of_dropped_jobs_are_deleted(database: str) -> None:
    await record(database, jobs=range(3), checkpoint_after=(2,))
    over_midnight = story(7, datetime(2026, 3, 12, 23, 59, 58, tzinfo=UTC))
    async with audit_pool(database) as pool:
        await put(
            AuditWriter(pool, clock=lambda: NOON), [row_of(incoming, TOPICS) for incoming in over_midnight]
        )
    await drop(database, date(2026, 3, 13))
    async with observer(database) as connection:
        left = await connection.fetch("select job_id from audit.job")
    assert [stored_row["job_id"] for stored_row in left] == [story_id(7)]


def pointsman(folder: Path, **environment: str) -> Command:
    return Command(folder, {f"POINTSMAN_{name}": value for name, value in environment.items()})


async def nine_days(dsn: str) -> datetime:
    """One row a day up to today; returns the current time."""
    now = datetime.now(UTC)
    async with audit_pool(dsn) as pool:
        writer = AuditWriter(pool)
        await put(writer, [row(offset, broker_at=now - (9 - offset) * DAY) for offset in range(10)])
        await sign(pool, writer)
    return now


async def test_the_key_holder_signs_and_the_owner_drops(database: str, tmp_path: Path) -> None:
    now = await nine_days(database)
    (tmp_path / "key.pem").write_text(KEY.pem)
    signer = pointsman(tmp_path, POSTGRES=as_auditor(database), AUDIT_KEY_FILE=str(tmp_path / "key.pem"))
    owner = pointsman(tmp_path, POSTGRES_OWNER=database, AUDIT_PUBLIC_KEY=KEY.public.text)
    planned = await owner.run("audit", "retain", "--days", "4", "--dry-run", "--json")
    assert planned.code == 0, planned.err
    days = [str((now - back * DAY).date()) for back in range(9, 4, -1)]
    assert ([day_row["day"] for day_row in planned.json["days"]], planned.json["rows_dropped"]) == (days, 0)
    written = await signer.run("audit", "retain", "--days", "4", "--sign", "gone.jsonl")
    assert written.code == 0, written.err
    assert (await look(database)).dropped == 0, "to sign drops nothing"
    done = await owner.run("audit", "retain", "--days", "4", "--signed", "gone.jsonl")
    assert (done.code, done.lines[-1]) == (0, "dropped 5 rows of 5 days"), done.err
    assert ((await look(database)).findings, (await look(database)).rows) == ([], 5)
    again = await owner.run("audit", "retain", "--days", "4")
    assert again.lines == [f"nothing is older than {(now - 4 * DAY).date()}"]


async def test_the_key_and_the_owner_s_rights_never_meet(database: str, tmp_path: Path) -> None:
    await nine_days(database)
    (tmp_path / "key.pem").write_text(KEY.pem)
    both = pointsman(tmp_path, POSTGRES_OWNER=database, AUDIT_KEY_FILE=str(tmp_path / "key.pem"))
    for arguments in (["--days", "4"], ["--days", "4", "--signed", "gone.jsonl"]):
        refused = await both.run("audit", "retain", *arguments)
        assert refused.code == 2
        assert "--sign FILE" in refused.err
    refused = await both.run("audit", "retain", "--days", "4", "--sign", "gone.jsonl", "--postgres", database)
    assert refused.code == 1
    assert "may do more than read" in refused.err
    assert not (tmp_path / "gone.jsonl").exists()
    assert (await look(database)).rows == 10


async def test_days_that_differ_from_the_signed_statement_are_not_dropped(
    database: str, tmp_path: Path
) -> None:
    now = await nine_days(database)
    (tmp_path / "key.pem").write_text(KEY.pem)
    signer = pointsman(tmp_path, POSTGRES=as_auditor(database), AUDIT_KEY_FILE=str(tmp_path / "key.pem"))
    owner = pointsman(tmp_path, POSTGRES_OWNER=database, AUDIT_PUBLIC_KEY=KEY.public.text)
    assert (await signer.run("audit", "retain", "--days", "8", "--sign", "gone.jsonl")).code == 0
    async with audit_pool(database) as pool:
        await put(AuditWriter(pool), [row(0, topic="late", broker_at=now - 9 * DAY)])
    refused = await owner.run("audit", "retain", "--days", "8", "--signed", "gone.jsonl")
    assert refused.code == 1
    assert "sign it again" in refused.err
    file = tmp_path / "gone.jsonl"
    file.write_text(file.read_text().replace("rows", "Rows"))
    refused = await owner.run("audit", "retain", "--days", "8", "--signed", "gone.jsonl")
    assert "not signed by the key" in refused.err
    assert (await look(database)).dropped == 0


async def test_a_day_that_does_not_verify_is_kept(database: str, tmp_path: Path) -> None:
    async with audit_pool(database) as pool:
        old = datetime.now(UTC) - 9 * DAY
        await put(AuditWriter(pool), [row(offset, broker_at=old) for offset in range(3)])
    await tamper(database, "update audit.message set agent_id = 'x' where \"offset\" = 1")
    owner = pointsman(tmp_path, POSTGRES_OWNER=database)
    done = await owner.run("audit", "retain", "--days", "1")
    assert done.code == 1
    assert "t/0@1" in done.err
    forced = await owner.run("audit", "retain", "--days", "1", "--unverified", "--json")
    assert json.loads(forced.out)["rows_dropped"] == 3
