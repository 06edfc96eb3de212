"""Verifies the audit or a part of it against its hash chains and the signed checkpoints."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from pointsman.identity.keys import PublicKey
from pointsman.store.append.chain import genesis
from pointsman.store.append.lanes import Head, StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.connect import Connection, connected, translated
from pointsman.store.sql import query
from pointsman.store.times import read_all_times
from pointsman.store.verify.aside import Aside
from pointsman.store.verify.catalogue import UNREADABLE, differences
from pointsman.store.verify.dropped import Gaps, gaps_of
from pointsman.store.verify.exact_json import parsed
from pointsman.store.verify.findings import Finding, VerifyReport, Wrong
from pointsman.store.verify.marks import HeadMark, Marks, lost_lanes, marks_of
from pointsman.store.verify.summaries import FactFile, fact_of, mismatched_jobs
from pointsman.store.verify.walk import LaneWalk, StoredRow
from pointsman_schemas.claims import DATAREF

_BATCH = 2_000
_FIRST, _LAST = -(2**63), 2**63 - 1
_WIDTH = len(Row._fields)
_DATAREF = f'"{DATAREF}"'
#: Number of newest checkpoints read back from Kafka that are compared with the table.
_ON_RECORD = 1_000
#: Number of mismatched jobs that are reported by id.
_TOLD = 10
_NO_CHECKPOINT = (
    "there is none, so nothing vouches for the rows: they were removed, or the audit signs nothing "
    "(POINTSMAN_AUDIT_KEY_FILE), or it has only just begun"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What to verify: everything, one UTC day or one job; `newest`: only rows that no checkpoint covers yet.

    For a day or a job, each lane is verified from the checkpoint before its first row to the one after its
    last.
    """

    day: date | None = None
    job_id: UUID | None = None
    newest: bool = False

    @property
    def everything(self) -> bool:
        return self.day is None and self.job_id is None and not self.newest


@dataclass(frozen=True, slots=True)
class Stretch:
    """The rows of one lane from `start` up to `stop`; `head`: the lane's head, if the range ends there."""

    lane: StoredPartition
    start: Head
    first: int
    stop: int
    head: Head | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Callbacks. `begin` gets the approximate number of rows, `advance` the number of rows in each batch.

    `large` gets each verified row that refers to a value kept elsewhere.
    """

    begin: Callable[[int], None] = lambda _: None
    advance: Callable[[int], None] = lambda _: None
    large: Callable[[Row], None] = lambda _: None


async def verify(
    dsn: str,
    scope: Scope,
    *,
    public: PublicKey | None = None,
    published: Sequence[bytes] = (),
    progress: Progress = Progress(),
) -> VerifyReport:
    """Verify `scope` in one snapshot, so that the audit can go on writing.

    `published`: checkpoints that are kept elsewhere, read before the verification begins.

    Raises:
        StoreUnavailableError, StoreError: a query failed.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            return await verify_on(connection, scope, public, published, progress)


async def verify_on(
    connection: Connection,
    scope: Scope,
    public: PublicKey | None,
    published: Sequence[bytes],
    progress: Progress = Progress(),
) -> VerifyReport:
    """Verify as `verify` does, on a connection that nothing else uses. Raises asyncpg.PostgresError."""
    report = VerifyReport()
    await read_all_times(connection, as_written=True)
    report.findings += await differences(connection)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # A changed search path or a row security policy must not influence the result.
            await connection.execute("set local search_path = pg_catalog; set local row_security = off")
            aside = await Aside.read(connection)
            with closing(FactFile()) as facts:
                await _look(Reading(connection, report, progress, scope, aside, facts), public, published)
    except UNREADABLE as error:
        if not report.findings:
            raise
        reason = str(error).partition("\n")[0]
        report.findings.append(Finding(Wrong.DEFINITION, f"the rest cannot be read: {reason}"))
    return report


@dataclass(frozen=True, slots=True)
class Reading:
    """A snapshot being verified, its report, and what its rows show about the other tables."""

    connection: Connection
    report: VerifyReport
    progress: Progress
    scope: Scope
    aside: Aside
    facts: FactFile

    def take(self, row: Row, body: Any) -> None:
        """Take a verified row; `body`: its payload as `exact_json` parses it."""
        self.aside.take(row)
        is_in_scope = self.scope.everything or row.job_id == self.scope.job_id
        if row.job_id is not None and is_in_scope:
            self.facts.add(row.job_id, fact_of(row, body))


async def _look(reading: Reading, public: PublicKey | None, published: Sequence[bytes]) -> None:
    connection, report, scope, aside = reading.connection, reading.report, reading.scope, reading.aside
    report.findings += aside.findings()
    lanes = _heads(aside)
    stored = [(row["number"], row["message"]) for row in aside.rows_of("checkpoints")]
    on_record = [row["value"] for row in await connection.fetch(query("checkpoints_on_record"), _ON_RECORD)]
    marks = marks_of(stored, [*published, *on_record], public)
    gaps = gaps_of([(row["statement"], row["signature"]) for row in aside.rows_of("dropped")], public)
    report.checkpoints, report.dropped = len(stored), gaps.rows
    report.findings += [
        *marks.findings,
        *gaps.findings,
        *lost_lanes(marks, lanes),
        *aside.signed(marks.events),
    ]
    report.signatures = _signatures(marks, public)
    report.unsigned = sum(
        head.rows - (mark.head.rows if (mark := marks.newest(lane)) else 0) for lane, head in lanes.items()
    )
    marks.without(gaps.by_lane)
    if scope.everything:
        report.findings += await _strangers(connection, lanes)
    stretches = await _stretches(connection, scope, lanes, marks)
    reading.progress.begin(
        sum((stretch.head.rows if stretch.head else 0) - stretch.start.rows for stretch in stretches)
    )
    for stretch in stretches:
        report.lanes += 1
        await _walk(reading, stretch, _walk_of(stretch, marks, gaps))
    if all(finding.topic is None for finding in report.findings):  # else messages are unread
        await _compare_counted(reading)
    damaged = {(finding.topic, finding.partition) for finding in report.findings if finding.topic is not None}
    report.findings += aside.lanes(damaged)
    rows = any(head.rows for head in lanes.values())
    if public is not None and rows and not stored and not report.findings:
        report.findings.append(Finding(Wrong.CHECKPOINT, _NO_CHECKPOINT))
    if scope.everything or scope.newest:  # gaps of the audit, and of routers and workers
        report.findings += [
            Finding(Wrong.LOST, row["said"], row["topic"], row["partition"], row["offset"])
            for row in await connection.fetch(query("lost"))
        ]


async def _compare_counted(reading: Reading) -> None:
    """Compare what is derived from the messages with the messages."""
    report, scope = reading.report, reading.scope
    until = reading.aside.dropped_until()
    if scope.everything:
        report.findings += reading.aside.sealed(dropped=until is not None)
    if scope.everything or scope.job_id is not None:
        statement = await reading.connection.prepare(query("summaries"))
        summaries = statement.cursor(scope.job_id, prefetch=_BATCH)
        counted = counting(summaries, report)
        wrong = [finding async for finding in mismatched_jobs(counted, reading.facts, dropped_until=until)]
        for job_id, text in wrong[:_TOLD]:
            report.findings.append(Finding(Wrong.SUMMARY, f"job {job_id}: {text}"))
        if len(wrong) > _TOLD:
            report.findings.append(Finding(Wrong.SUMMARY, f"and {len(wrong) - _TOLD:,} jobs more"))


async def counting(rows: AsyncIterable[Any], report: VerifyReport) -> AsyncIterator[Any]:
    async for row in rows:
        report.jobs += 1
        yield row


def _heads(aside: Aside) -> dict[StoredPartition, Head]:
    rows = aside.rows_of("lane_heads")
    return {(row["topic"], row["partition"]): Head.of(row, row["next_offset"]) for row in rows}


def _signatures(marks: Marks, public: PublicKey | None) -> str:
    if not marks.checkpoints:
        return "there is no checkpoint"
    return f"held against the key {public.id}" if public else "not looked at: no public key is known"


async def _strangers(connection: Connection, lanes: Mapping[StoredPartition, Head]) -> list[Finding]:
    """Return a finding for each lane that has rows and is not in audit.lane."""
    strangers, at = [], ("", -(2**31))
    while (row := await connection.fetchrow(query("next_lane"), *at)) is not None:
        at = (row["topic"], row["partition"])
        if at not in lanes:
            strangers.append(Finding(Wrong.LANE, "it has rows and is not in audit.lane", *at))
    return strangers


async def _stretches(
    connection: Connection, scope: Scope, lanes: Mapping[StoredPartition, Head], marks: Marks
) -> list[Stretch]:
    if scope.day is None and scope.job_id is None:
        newest = marks.newest if scope.newest else lambda _: None
        return [_stretch(lane, head, newest(lane), None) for lane, head in lanes.items()]
    if scope.day is not None:
        midnight = datetime.combine(scope.day, time(), UTC)
        spans = await connection.fetch(query("span_of_day"), midnight)
    else:
        spans = await connection.fetch(query("span_of_job"), scope.job_id)
    stretches = []
    for span in spans:
        lane = (span["topic"], span["partition"])
        if lane in lanes:
            around = marks.before(lane, span["first"]), marks.after(lane, span["last"])
            stretches.append(_stretch(lane, lanes[lane], *around))
    return stretches


def _stretch(lane: StoredPartition, head: Head, before: HeadMark | None, after: HeadMark | None) -> Stretch:
    start = (
        before.head
        if before
        else Head(genesis(*lane, head.chained_from), 0, head.chained_from, head.chained_from)
    )
    # If the chain begins with the lane, no row can be older: a row before it was inserted.
    first = start.next_offset if before or head.chained_from else _FIRST
    return Stretch(lane, start, first, after.head.next_offset if after else _LAST, None if after else head)


def _walk_of(stretch: Stretch, marks: Marks, gaps: Gaps) -> LaneWalk:
    first = stretch.start.next_offset
    signed = marks.by_lane.get(stretch.lane, [])
    lane_gaps = gaps.by_lane.get(stretch.lane, [])
    return LaneWalk(
        stretch.lane,
        stretch.start,
        [mark for mark in signed if first < mark.head.next_offset <= stretch.stop],
        [gap for gap in lane_gaps if first <= gap.first < stretch.stop],
    )


async def _walk(reading: Reading, stretch: Stretch, walk: LaneWalk) -> None:
    report = reading.report
    statement = await reading.connection.prepare(query("rows_of_lane"))
    cursor = await statement.cursor(*stretch.lane, stretch.first, stretch.stop)
    while walk.finding is None and (batch := await cursor.fetch(_BATCH)):
        for row in batch:
            stored = StoredRow(Row._make(row[:_WIDTH]), *row[_WIDTH:])
            if walk.take(stored) is not None:
                break
            reading.take(stored.row, walk.body)
            if _DATAREF in stored.row.headers:
                reading.progress.large(stored.row)
        reading.progress.advance(len(batch))
    finding = walk.finding or walk.end(stretch.head)
    report.rows += walk.rows - walk.gone - stretch.start.rows
    report.masked += walk.masked
    report.sealed += walk.sealed
    if finding is not None:
        report.findings.append(finding)
    if stretch.start.chained_from and finding is None:
        await _read_older(reading, stretch)


async def _read_older(reading: Reading, stretch: Stretch) -> None:
    """Count the rows from before the chain, which summaries include as well."""
    statement = await reading.connection.prepare(query("older_rows_of_lane"))
    cursor = await statement.cursor(*stretch.lane, stretch.start.chained_from)
    while batch := await cursor.fetch(_BATCH):
        reading.report.older += len(batch)
        for columns in batch:
            row = Row._make(columns)
            reading.take(row, None if row.payload is None else parsed(row.payload))
