"""Verifies the tables outside the chain: their rows have digests, and their counts are recomputed."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from pointsman.store.append.row import Row
from pointsman.store.connect import Connection
from pointsman.store.privacy.privacy_note import Note
from pointsman.store.sql import query
from pointsman.store.times import microseconds
from pointsman.store.verify.dropped import Statement
from pointsman.store.verify.findings import Finding, Wrong
from pointsman_schemas.control.checkpoints import ChapterMet, CheckpointSigned, OffsetsLost

_TURNS = ["checkpoint", "days"]


@dataclass(slots=True)
class Sealed:
    """What the audit's rows show about the key that sealed them."""

    subject: bytes | None
    rows: int = 0
    days: set[date] = field(default_factory=set)
    jobs: set[UUID] = field(default_factory=set)
    first_at: datetime | None = None
    last_at: datetime | None = None

    def add(self, row: Row) -> None:
        self.rows += 1
        self.days.add(row.broker_at.date())
        if row.job_id is not None:
            self.jobs.add(row.job_id)
        self.first_at = min(self.first_at or row.broker_at, row.broker_at)
        self.last_at = max(self.last_at or row.broker_at, row.broker_at)


class Aside:
    """The rows of these tables, from one snapshot."""

    def __init__(self, rows: Mapping[str, Sequence[Any]]) -> None:
        self._rows = rows
        self._sealed: dict[UUID, Sealed] = {}
        self._erased = {row["key_id"] for row in rows["erasures"]}

    @classmethod
    async def read(cls, connection: Connection) -> "Aside":
        """Raises asyncpg.PostgresError."""
        names = (
            "lane_heads",
            "checkpoints",
            "dropped",
            "migration_rows",
            "erasures",
            "subject_keys",
            "turns",
            "chapter_rows",
            "lost_rows",
        )
        rows: dict[str, Sequence[Any]] = {name: await connection.fetch(query(name)) for name in names}
        return cls(rows)

    def take(self, row: Row) -> None:
        """Note which key sealed a verified row. For an erased key, also count its rows, days and jobs."""
        if row.privacy is None or (key := (note := Note.read(row.privacy)).key) is None:
            return
        sealed = self._sealed.setdefault(key, Sealed(note.subject))
        if key in self._erased:
            sealed.add(row)

    def rows_of(self, name: str) -> Sequence[Any]:
        return self._rows[name]

    def findings(self) -> Iterator[Finding]:
        """Yield the rows that were changed, and other findings that do not need the messages."""
        for name, table, parts in _TABLES:
            for row in self._rows[name]:
                if row["digest"] != _digest(parts, row):
                    yield _finding(table, str(row[parts[1]]), "was changed: its digest is another one")
        yield from self._checkpoints()
        yield from self._days()
        if [row["name"] for row in self._rows["turns"]] != _TURNS:
            yield _finding("audit.turn", "its rows", f"are not {', '.join(_TURNS)}")

    def signed(self, events: Mapping[ChapterMet | OffsetsLost, int]) -> Iterator[Finding]:
        """Yield chapters and lost ranges that a checkpoint names and that are not in their tables."""
        stored = {
            tuple(row[name] for name in kind.model_fields)
            for name, kind in (("chapter_rows", ChapterMet), ("lost_rows", OffsetsLost))
            for row in self._rows[name]
        }
        for message, number in events.items():
            if tuple(message.model_dump().values()) not in stored:
                table = "audit.chapter" if isinstance(message, ChapterMet) else "audit.lost"
                yield _finding(
                    table, message.model_dump_json(), f"is not there, and checkpoint {number} says it is"
                )

    def lanes(self, wrong: Collection[tuple[str | None, int | None]]) -> Iterator[Finding]:
        """Yield lanes whose row in audit.lane was changed, except lanes with a known problem."""
        for row in self._rows["lane_heads"]:
            lane = (row["topic"], row["partition"])
            if lane not in wrong and row["digest"] != _digest(_LANE, row):
                yield Finding(
                    Wrong.LANE, "its row in audit.lane was changed: its digest is another one", *lane
                )

    def sealed(self, *, dropped: bool) -> Iterator[Finding]:
        """After all rows: yield keys missing without a recorded erasure, and erasures with wrong counts.

        `dropped`: retention has dropped rows, so an erasure may count more rows than are left.
        """
        stored_subjects = {row["key_id"]: row["subject"] for row in self._rows["subject_keys"]}
        for key, sealed in self._sealed.items():
            if key not in self._erased and key not in stored_subjects:
                yield _finding("audit.subject_key", str(key), "is gone, and no erasure of it is on record")
            elif key in stored_subjects and stored_subjects[key] != sealed.subject:
                yield _finding(
                    "audit.subject_key", str(key), "is of another subject in the rows that it sealed"
                )
        for row in self._rows["erasures"]:
            counted = self._sealed.get(row["key_id"], Sealed(row["subject"]))
            if not _counts(row, counted, dropped=dropped):
                yield _finding("audit.erasure", str(row["key_id"]), "counts other rows than are on record")

    def dropped_until(self) -> datetime | None:
        """Return the end of the newest day that retention dropped; None if it dropped none."""
        days = [statement.day for _, statement in self._statements()]
        return datetime.combine(max(days), time(23, 59, 59, 999_999), UTC) if days else None

    def _statements(self) -> Iterator[tuple[Any, Statement]]:
        for row in self._rows["dropped"]:
            try:
                yield row, Statement.model_validate_json(row["statement"])
            except ValidationError:
                continue  # reported by `gaps_of`

    def _checkpoints(self) -> Iterator[Finding]:
        for row in self._rows["checkpoints"]:
            try:
                signed = CheckpointSigned.model_validate_json(row["message"])
            except ValidationError:
                continue  # reported by `marks_of`
            if (signed.made_at, signed.key_id) != (row["made_at"], row["key_id"]):
                text = f"checkpoint {row['number']}: its other columns do not say what it says itself"
                yield Finding(Wrong.CHECKPOINT, text)

    def _days(self) -> Iterator[Finding]:
        for row, statement in self._statements():
            if (statement.day, statement.rows) != (row["day"], row["rows"]):
                text = f"the columns do not say what the statement of {statement.day} says"
                yield Finding(Wrong.DROPPED, text)


def _counts(row: Mapping[str, Any], counted: Sealed, *, dropped: bool) -> bool:
    if row["subject"] != counted.subject:
        return False
    numbers = (counted.rows, len(counted.days), len(counted.jobs))
    if dropped:
        return all(
            actual <= expected
            for actual, expected in zip(numbers, (row["rows"], row["days"], row["jobs"]), strict=True)
        )
    return (*numbers, counted.first_at, counted.last_at) == tuple(
        row[name] for name in ("rows", "days", "jobs", "first_at", "last_at")
    )


def _digest(parts: Sequence[str], row: Mapping[str, Any]) -> bytes | None:
    try:
        return sha256("\n".join([parts[0], *(_part(row[name]) for name in parts[1:])]).encode()).digest()
    except (TypeError, ValueError):
        return None


def _part(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bytes():
            return value.hex()
        case datetime():
            return str(microseconds(value))
        case _:
            return str(value)


def _finding(table: str, name: str, text: str) -> Finding:
    return Finding(Wrong.ASIDE, f"{table}: {name} {text}")


_LANE = ("lane", "topic", "partition", "next_offset", "moved_at", "chain", "rows", "chained_from")
#: Query, table, and the parts of a row's digest, as in 0022_digests.sql.
_TABLES: Iterable[tuple[str, str, Sequence[str]]] = (
    ("dropped", "audit.dropped",
     ("dropped", "id", "day", "dropped_at", "rows", "statement", "signature")),
    ("migration_rows", "audit.migration", ("migration", "name", "sha256", "applied_at")),
    ("erasures", "audit.erasure",
     ("erasure", "key_id", "subject", "erased_at", "erased_by", "rows", "days", "jobs", "first_at",
      "last_at")),
    ("chapter_rows", "audit.chapter", ("chapter", "topic", "number", "cluster_id", "topic_id", "begun_at")),
    ("lost_rows", "audit.lost",
     ("lost", "topic", "partition", "first_offset", "next_offset", "noticed_at")),
    ("subject_keys", "audit.subject_key", ("subject_key", "key_id", "subject", "wrapped_sha256", "made_at")),
)  # fmt: skip
