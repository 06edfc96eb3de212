"""Walks one lane's rows in order and reports the first one that does not match."""

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pointsman.store.append.chain import follow
from pointsman.store.append.chapters import kafka_topic
from pointsman.store.append.lanes import Head, StoredPartition
from pointsman.store.append.record import in_one_form, record_digest, stored_headers
from pointsman.store.append.row import Row
from pointsman.store.privacy.privacy_note import Note
from pointsman.store.verify.dropped import Gap
from pointsman.store.verify.exact_json import NotEqualError, equal_body
from pointsman.store.verify.findings import Finding, Wrong
from pointsman.store.verify.marks import HeadMark

_SAID = {
    Wrong.BYTES: "its place, timestamp, key, value or headers are not what was stored",
    Wrong.PAYLOAD: "its payload is not its value",
    Wrong.LINK: "it does not follow from the row before it: a column of it was changed, or a row was "
    "removed, inserted or moved just before it",
    Wrong.UNCHAINED: "it has no link: the audit process did not store it",
}


class StoredRow(NamedTuple):
    """A row as stored."""

    row: Row
    recorded_at: datetime
    chain: bytes | None


class LaneWalk:
    """Follows a chain from `start`; `marks`: the later ones, in order.

    It ends at the first row that does not match, because the rows after it cannot be verified.
    """

    def __init__(
        self, lane: StoredPartition, start: Head, marks: Sequence[HeadMark], gaps: Sequence[Gap] = ()
    ) -> None:
        self._lane = lane
        self._chain = start.chain
        self._marks = list(marks)
        self._gaps = list(gaps)
        self._good = start.next_offset
        self._last = start.next_offset - 1
        self.rows = start.rows
        self.gone = 0
        self.masked = 0
        self.sealed = 0
        self.finding: Finding | None = None
        #: The last row's payload, as `exact_json` parses it.
        self.body: Any = None

    def take(self, stored: StoredRow) -> Finding | None:
        """Verify the next row; returns what is wrong, if anything."""
        row = stored.row
        self.finding = self._passed(row.offset) or self._fits(stored)
        if self.finding is None:
            assert stored.chain is not None
            self._chain, self._last = stored.chain, row.offset
            self.rows += 1
            self._count(row)
        return self.finding

    def _count(self, row: Row) -> None:
        if row.privacy is not None:
            note = Note.read(row.privacy)
            self.sealed += note.key is not None
            self.masked += bool(note.rules)

    def end(self, head: Head | None) -> Finding | None:
        """Verify the end, after the last row. `head`: the lane's stored head, if the range ends there."""
        self.finding = self._passed(None)
        if self.finding is None and head is not None and (head.chain, head.rows) != (self._chain, self.rows):
            missing = head.rows - self.rows
            wrong = Wrong.END_MISSING if missing > 0 else Wrong.HEAD
            problem = (
                f"audit.lane counts {head.rows} rows up to offset {head.next_offset}, {self.rows} are here"
            )
            self.finding = Finding(wrong, problem, *self._lane, self._last)
        elif self.finding is None and head is not None and head.next_offset <= self._last:
            problem = f"audit.lane stands at offset {head.next_offset}, and the last row is at {self._last}"
            self.finding = Finding(Wrong.HEAD, problem, *self._lane, self._last)
        return self.finding

    def _passed(self, offset: int | None) -> Finding | None:
        """Skip every gap before `offset` (None: all), and compare the chain with every mark up to it."""
        while self._gaps and (offset is None or self._gaps[0].first < offset):
            gap = self._gaps.pop(0)
            if finding := self._marked(gap.first):
                return finding
            self.rows += gap.rows
            self.gone += gap.rows
            if gap.last > self._last and gap.chain is not None:
                self._chain, self._last = gap.chain, gap.last
        return self._marked(offset)

    def _marked(self, offset: int | None) -> Finding | None:
        while self._marks and (offset is None or self._marks[0].head.next_offset <= offset):
            number, head = self._marks.pop(0)
            if (head.chain, head.rows) != (self._chain, self.rows):
                return self._checkpoint_mismatch(number, head)
            self._good = head.next_offset
        return None

    def _checkpoint_mismatch(self, number: int, head: Head) -> Finding:
        if self.rows < head.rows:
            problem = f"checkpoint {number} vouches for {head.rows} rows before offset {head.next_offset}, "
            return Finding(Wrong.END_MISSING, f"{problem}{self.rows} are here", *self._lane, self._last)
        problem = (
            f"checkpoint {number} vouches for other rows before offset {head.next_offset}: from offset "
            f"{self._good} on they were written anew"
        )
        return Finding(Wrong.REWRITTEN, problem, *self._lane, self._good)

    def _fits(self, stored: StoredRow) -> Finding | None:
        row = stored.row
        if stored.chain is None or row.record_sha256 is None:
            return self._wrong(Wrong.UNCHAINED, row)
        digest = digest_of(row)
        if digest is None or digest != digest_by_row(row):
            return self._wrong(Wrong.BYTES, row)
        try:
            self.body = None if row.payload is None else equal_body(row.payload, row.value)
        except NotEqualError:
            return self._wrong(Wrong.PAYLOAD, row)
        if row.offset <= self._last or _link(self._chain, stored) != stored.chain:
            return self._wrong(Wrong.LINK, row)
        return None

    def _wrong(self, wrong: Wrong, row: Row) -> Finding:
        return Finding(wrong, _SAID[wrong], row.topic, row.partition, row.offset)


def _link(before: bytes, stored: StoredRow) -> bytes | None:
    try:
        return follow(before, stored.row, stored.recorded_at)
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        return None


def digest_of(row: Row) -> bytes | None:
    """Compute the record's digest from the row's columns; None if these are not valid."""
    try:
        headers = stored_headers(row.headers)
        if not in_one_form(row.headers):
            return None
        origin = (kafka_topic(row.topic), row.partition, row.offset)
        return record_digest(origin, row.timestamp_ms, row.key, row.value, headers)
    except (ValueError, TypeError, KeyError, AttributeError, struct.error):
        return None


def digest_by_row(row: Row) -> bytes | None:
    """Return the digest that the row must have: the record's or that in its note; None for a bad note."""
    if row.privacy is None:
        return row.record_sha256
    try:
        return Note.read(row.privacy).stored
    except ValueError:
        return None
