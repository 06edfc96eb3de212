"""Walks the record, or a stretch of it, and holds it against its hash chains and the signed checkpoints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from pointsman.store.chain import genesis
from pointsman.store.connect import Connection, connected, translated
from pointsman.store.dropped import Gaps, gaps_of
from pointsman.store.findings import Finding, Report, Wrong
from pointsman.store.lanes import Head, Lane
from pointsman.store.marks import Mark, Marks, lost_lanes, marks_of
from pointsman.store.row import Row
from pointsman.store.signing import PublicKey
from pointsman.store.sql import query
from pointsman.store.walk import LaneWalk, Stored
from pointsman_schemas.claims import DATAREF

_BATCH = 2_000
_FIRST, _LAST = -(2**63), 2**63 - 1
_WIDTH = len(Row._fields)
_DATAREF = f'"{DATAREF}"'


@dataclass(frozen=True, slots=True)
class Scope:
    """What to look at: everything, one UTC day or one job; `newest`: only what no checkpoint covers yet.

    A day or a job is looked at, in each lane, from the checkpoint before its first row to the one after its
    last.
    """

    day: date | None = None
    job_id: UUID | None = None
    newest: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """The rows of one lane from `start` up to `stop`; `head`: where the lane stands, if that is its end."""

    lane: Lane
    start: Head
    first: int
    stop: int
    head: Head | None


async def verify(
    dsn: str,
    scope: Scope,
    *,
    public: PublicKey | None = None,
    published: Sequence[bytes] = (),
    begin: Callable[[int], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
    large: Callable[[Row], None] = lambda _: None,
) -> Report:
    """What fits and what does not, all in one snapshot, so that the audit may go on meanwhile.

    `published`: checkpoints that are on Kafka. `begin` is told about how many rows come, `advance` of each
    batch, `large` of each row that fits and names a value kept elsewhere.

    Raises:
        StoreUnavailableError, StoreError: it could not be read.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                lanes = await _heads(connection)
                stored = [
                    (row["number"], row["message"]) for row in await connection.fetch(query("checkpoints"))
                ]
                marks = marks_of(stored, published, public)
                dropped = await connection.fetch(query("dropped"))
                gaps = gaps_of([(row["statement"], row["signature"]) for row in dropped], public)
                report = Report(checkpoints=len(stored), dropped=gaps.rows)
                report.findings = [*marks.findings, *gaps.findings, *lost_lanes(marks, lanes)]
                report.signatures = _signatures(marks, public)
                report.unsigned = sum(
                    head.rows - (mark.head.rows if (mark := marks.newest(lane)) else 0)
                    for lane, head in lanes.items()
                )
                marks.without(gaps.by_lane)
                if scope.day is None and scope.job_id is None:
                    report.findings += await _strangers(connection, lanes)
                stretches = await _stretches(connection, scope, lanes, marks)
                begin(sum((each.head.rows if each.head else 0) - each.start.rows for each in stretches))
                for stretch in stretches:
                    report.lanes += 1
                    walk = _walk_of(stretch, marks, gaps)
                    await _walk(connection, stretch, walk, report, advance=advance, large=large)
                    report.older += await _older(connection, stretch)
    return report


async def _heads(connection: Connection) -> dict[Lane, Head]:
    return {
        (row["topic"], row["partition"]): Head(
            row["chain"] or genesis(row["topic"], row["partition"], row["chained_from"]),
            row["rows"],
            row["chained_from"],
            row["next_offset"],
        )
        for row in await connection.fetch(query("lane_heads"))
    }


def _signatures(marks: Marks, public: PublicKey | None) -> str:
    if not marks.checkpoints:
        return "there is no checkpoint"
    return f"held against the key {public.id}" if public else "not looked at: no public key is known"


async def _strangers(connection: Connection, lanes: Mapping[Lane, Head]) -> list[Finding]:
    """Rows of lanes that the audit never had."""
    found, at = [], ("", -(2**31))
    while (row := await connection.fetchrow(query("next_lane"), *at)) is not None:
        at = (row["topic"], row["partition"])
        if at not in lanes:
            found.append(Finding(Wrong.LANE, "it has rows and is not in audit.lane", *at))
    return found


async def _stretches(
    connection: Connection, scope: Scope, lanes: Mapping[Lane, Head], marks: Marks
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


def _stretch(lane: Lane, head: Head, before: Mark | None, after: Mark | None) -> Stretch:
    start = (
        before.head
        if before
        else Head(genesis(*lane, head.chained_from), 0, head.chained_from, head.chained_from)
    )
    # Where the chain begins with the lane, nothing can be older: whatever stands before it was inserted.
    first = start.next_offset if before or head.chained_from else _FIRST
    return Stretch(lane, start, first, after.head.next_offset if after else _LAST, None if after else head)


def _walk_of(stretch: Stretch, marks: Marks, gaps: Gaps) -> LaneWalk:
    first = stretch.start.next_offset
    signed = marks.by_lane.get(stretch.lane, [])
    gone = gaps.by_lane.get(stretch.lane, [])
    return LaneWalk(
        stretch.lane,
        stretch.start,
        [mark for mark in signed if first < mark.head.next_offset <= stretch.stop],
        [gap for gap in gone if first <= gap.first < stretch.stop],
    )


async def _walk(
    connection: Connection,
    stretch: Stretch,
    walk: LaneWalk,
    report: Report,
    *,
    advance: Callable[[int], None],
    large: Callable[[Row], None],
) -> None:
    cursor = await connection.cursor(query("rows_of_lane"), *stretch.lane, stretch.first, stretch.stop)
    while walk.finding is None and (batch := await cursor.fetch(_BATCH)):
        for found in batch:
            stored = _stored(found)
            if walk.take(stored) is not None:
                break
            if _DATAREF in stored.row.headers:
                large(stored.row)
        advance(len(batch))
    finding = walk.finding or walk.end(stretch.head)
    report.rows += walk.rows - walk.gone - stretch.start.rows
    report.masked += walk.masked
    report.sealed += walk.sealed
    if finding is not None:
        report.findings.append(finding)


def _stored(found: Any) -> Stored:
    return Stored(Row._make(found[:_WIDTH]), *found[_WIDTH:])


async def _older(connection: Connection, stretch: Stretch) -> int:
    if not stretch.start.chained_from:
        return 0
    count: int = await connection.fetchval(query("older_rows"), *stretch.lane, stretch.start.chained_from)
    return count
