"""What checkpoints cover, and which of them are trusted."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

import pytest

from pointsman.audit.checkpointer import added, moved, signed
from pointsman.identity.keys import KeyUnreadableError, PrivateKey, PublicKey
from pointsman.store.append.lanes import Head, StoredPartition
from pointsman.store.verify.dropped import Gap
from pointsman.store.verify.marks import marks_of
from pointsman_schemas.control.checkpoints import ChapterMet, OffsetsLost

KEY, OTHER = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
LANE: StoredPartition = ("t", 0)
NOW = datetime(2026, 3, 12, tzinfo=UTC)


def head(next_offset: int) -> Head:
    return Head(b"%032d" % next_offset, next_offset, 0, next_offset)


def checkpoint(number: int, next_offset: int, previous: bytes | None = None, key: PrivateKey = KEY) -> bytes:
    before = sha256(previous).hexdigest() if previous else None
    return signed(key, number, before, {LANE: head(next_offset)}, NOW).model_dump_json().encode()


FIRST = checkpoint(1, 10)
SECOND = checkpoint(2, 20, FIRST)


def test_marks_stand_where_the_checkpoints_say() -> None:
    marks = marks_of([(1, FIRST), (2, SECOND)], [FIRST], KEY.public)
    assert (marks.findings, marks.checkpoints) == ([], 2)
    assert [mark.head for mark in marks.by_lane[LANE]] == [head(10), head(20)]
    places = [(marks.before(LANE, offset), marks.after(LANE, offset)) for offset in (9, 10, 19, 20)]
    numbers = [tuple(mark and mark.number for mark in pair) for pair in places]
    assert numbers == [(None, 1), (1, 2), (1, 2), (2, None)]
    assert marks.before(("other", 0), 5) is None


def test_chapters_and_losses_are_signed_and_taken_from_trusted_checkpoints() -> None:
    met = ChapterMet(topic="t", number=1, cluster_id="c", topic_id=UUID(int=1))
    lost = OffsetsLost(topic="t", partition=0, first_offset=4, next_offset=9)
    made = [
        signed(key, 1, None, {LANE: head(10)}, NOW, events=[event])
        for key, event in ((KEY, met), (KEY, lost), (OTHER, met))
    ]
    assert [KEY.public.signed(signed_checkpoint) for signed_checkpoint in made] == [True, True, False]
    changed = made[1].model_copy(update={"lost": ()})
    assert not KEY.public.signed(changed)
    messages = [signed_checkpoint.model_dump_json().encode() for signed_checkpoint in made]
    events = [marks_of([(1, message)], [], KEY.public).events for message in messages]
    assert events == [{met: 1}, {lost: 1}, {}]
    assert b"lost" not in FIRST  # what was signed before is signed still


def test_marks_within_dropped_rows_are_ignored() -> None:
    marks = marks_of([(1, FIRST), (2, SECOND)], [], KEY.public)
    marks.without({LANE: [Gap(5, 12, 8, None)]})
    assert [mark.number for mark in marks.by_lane[LANE]] == [2]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([(2, SECOND)], "checkpoint 1 is missing"),
        ([(1, FIRST), (3, SECOND)], "it calls itself 2"),
        ([(1, FIRST), (2, checkpoint(2, 20))], "checkpoint 2 does not follow"),
        ([(1, checkpoint(1, 10, key=OTHER))], "not signed by the key"),
        ([(1, b"{}")], "cannot be read"),
    ],
)
def test_problems_of_checkpoints_are_reported(stored: list[tuple[int, bytes]], expected: str) -> None:
    assert any(expected in finding.said for finding in marks_of(stored, [], KEY.public).findings)


def test_checkpoints_on_kafka_count_only_if_signed() -> None:
    assert marks_of([(1, FIRST)], [checkpoint(2, 30, key=OTHER), b"x"], KEY.public).findings == []
    assert marks_of([(1, FIRST)], [SECOND], None).findings == []
    marks = marks_of([(1, FIRST)], [SECOND], KEY.public)
    assert "is not in the database" in marks.findings[0].said
    assert marks.newest(LANE) == marks.by_lane[LANE][1]
    changed = marks_of([(1, checkpoint(1, 11))], [FIRST], KEY.public)
    assert "is another one there" in changed.findings[0].said


def test_one_of_several_keys_is_enough() -> None:
    both = PublicKey.parse(f"{OTHER.public.text},{KEY.public.text}")
    stored = [(1, FIRST), (2, checkpoint(2, 20, FIRST, OTHER))]
    assert marks_of(stored, [], both).findings == []
    assert len(marks_of(stored, [], KEY.public).findings) == 1


def test_a_key_is_read_in_both_formats() -> None:
    assert PrivateKey.parse(KEY.pem).public.text == KEY.public.text
    for wrong in ("", "11", "zz" * 32, KEY.public.text, "-----BEGIN PRIVATE KEY-----\nAA\n"):
        with pytest.raises(KeyUnreadableError, match="Ed25519"):
            PrivateKey.parse(wrong)


def test_the_content_of_a_new_checkpoint() -> None:
    heads = {LANE: head(20), ("signed", 0): head(5)}
    before = {LANE: head(10)}
    assert moved(heads, before, "signed") == heads
    assert added(heads, before) == 15
    assert moved({**before, ("signed", 0): head(6)}, before, "signed") == {}
