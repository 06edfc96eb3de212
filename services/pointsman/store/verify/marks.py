"""Marks from checkpoints: the signed link that a lane's chain must have at an offset."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from pydantic import ValidationError

from pointsman.identity.keys import PublicKey
from pointsman.store.append.lanes import Head, StoredPartition
from pointsman.store.connect import Pool, limit_waits, translated
from pointsman.store.sql import query
from pointsman.store.verify.dropped import Gap
from pointsman.store.verify.findings import Finding, Wrong
from pointsman_schemas.control.checkpoints import ChapterMet, CheckpointSigned, OffsetsLost


class HeadMark(NamedTuple):
    """The head that checkpoint `number` signs."""

    number: int
    head: Head


@dataclass(slots=True)
class Marks:
    """The marks of each lane by offset, and problems with the checkpoints they come from."""

    by_lane: dict[StoredPartition, list[HeadMark]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    checkpoints: int = 0
    #: Chapters and lost ranges, with the number of the checkpoint that names them.
    events: dict[ChapterMet | OffsetsLost, int] = field(default_factory=dict)

    def without(self, gaps: Mapping[StoredPartition, Sequence[Gap]]) -> None:
        """Remove marks within dropped ranges: no rows are left to compare them with."""
        for lane, gone in gaps.items():
            marks = self.by_lane.get(lane, [])
            marks[:] = [mark for mark in marks if not any(gap.holds(mark.head.next_offset) for gap in gone)]

    def newest(self, lane: StoredPartition) -> HeadMark | None:
        """Return the lane's last mark."""
        marks = self.by_lane.get(lane)
        return marks[-1] if marks else None

    def before(self, lane: StoredPartition, offset: int) -> HeadMark | None:
        """Return the last mark at or before `offset`."""
        marks = self.by_lane.get(lane, [])
        index = bisect_right(marks, offset, key=lambda mark: mark.head.next_offset)
        return marks[index - 1] if index else None

    def after(self, lane: StoredPartition, offset: int) -> HeadMark | None:
        """Return the first mark after `offset`."""
        marks = self.by_lane.get(lane, [])
        index = bisect_right(marks, offset, key=lambda mark: mark.head.next_offset)
        return marks[index] if index < len(marks) else None


def marks_of(
    stored: Sequence[tuple[int, bytes]], published: Iterable[bytes], public: PublicKey | None
) -> Marks:
    """Return the marks of the `stored` checkpoints (number, message) in order, and of the `published` ones.

    Without a public key, no signature is checked and published checkpoints are ignored. An invalid checkpoint
    gives no marks.
    """
    marks = Marks(checkpoints=len(stored))
    previous: str | None = None
    expected = 1
    for number, message in stored:
        if number != expected:
            marks.findings.append(_wrong(f"checkpoint {expected} is missing, the next one is {number}"))
        checkpoint = _read(message, public)
        if isinstance(checkpoint, str) or checkpoint.number != number:
            why = checkpoint if isinstance(checkpoint, str) else f"it calls itself {checkpoint.number}"
            marks.findings.append(_wrong(f"checkpoint {number} cannot be trusted: {why}"))
        else:
            if number == expected and checkpoint.previous != previous:
                marks.findings.append(_wrong(f"checkpoint {number} does not follow from the one before it"))
            _add(marks, checkpoint)
        previous = sha256(message).hexdigest()
        expected = number + 1
    texts = dict(stored)
    for message in published:
        checkpoint = _read(message, public)
        if isinstance(checkpoint, str) or public is None:  # without a valid signature it proves nothing
            continue
        if texts.get(checkpoint.number) != message:
            problem = "is not in the database" if checkpoint.number not in texts else "is another one there"
            marks.findings.append(_wrong(f"checkpoint {checkpoint.number}, signed and published, {problem}"))
            texts[checkpoint.number] = message  # it may be published several times: report it once
            _add(marks, checkpoint)
    for lane_marks in marks.by_lane.values():
        lane_marks.sort(key=lambda mark: (mark.head.next_offset, mark.number))
    return marks


def _read(message: bytes, public: PublicKey | None) -> CheckpointSigned | str:
    """Return the checkpoint, or the reason why it is invalid."""
    try:
        checkpoint = CheckpointSigned.model_validate_json(message)
    except ValidationError:
        return "it cannot be read"
    if public is not None and not public.signed(checkpoint):
        return f"it is not signed by the key {public.id}"
    return checkpoint


def _add(marks: Marks, checkpoint: CheckpointSigned) -> None:
    for lane in checkpoint.lanes:
        head = Head(bytes.fromhex(lane.chain), lane.rows, lane.chained_from, lane.next_offset)
        marks.by_lane.setdefault((lane.topic, lane.partition), []).append(HeadMark(checkpoint.number, head))
    marks.events |= dict.fromkeys((*checkpoint.chapters, *checkpoint.lost), checkpoint.number)


def _wrong(problem: str) -> Finding:
    return Finding(Wrong.CHECKPOINT, problem)


def lost_lanes(marks: Marks, lanes: Mapping[StoredPartition, Head]) -> list[Finding]:
    """Return a finding for each signed lane that the database lacks or whose chain begins elsewhere."""
    findings = []
    for lane, signed in marks.by_lane.items():
        if not signed:
            continue
        head = lanes.get(lane)
        if head is None:
            detail = f"checkpoint {signed[-1].number} vouches for {signed[-1].head.rows} rows of it"
            findings.append(Finding(Wrong.LANE, f"the lane is not in audit.lane; {detail}", *lane))
        elif head.chained_from != signed[0].head.chained_from:
            detail = f"its chain began at offset {signed[0].head.chained_from} when it was signed"
            findings.append(Finding(Wrong.LANE, f"{detail}, now at {head.chained_from}", *lane))
    return findings


#: Makes and signs the checkpoint with this number that follows the checkpoint with this digest.
Make = Callable[[int, str | None], CheckpointSigned]


async def add_checkpoint(pool: Pool, make: Make, patience_s: float = 10) -> tuple[CheckpointSigned, bytes]:
    """Store the next checkpoint; returns it and the bytes to publish.

    Concurrent processes take turns; none waits longer than `patience_s` seconds.

    Raises:
        StoreUnavailableError: Postgres cannot be reached, or the wait was too long.
        StoreError: Postgres refuses.
    """
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            await limit_waits(connection, patience_s)
            last = await connection.fetchrow(query("last_checkpoint"))
            number = last["number"] + 1 if last else 1
            signed = make(number, sha256(last["message"]).hexdigest() if last else None)
            message = signed.model_dump_json().encode()
            await connection.execute(query("add_checkpoint"), number, signed.made_at, signed.key_id, message)
    return signed, message
