"""Kafka's record batches are read as aiokafka reads them."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.record_batch import RecordBatch, read_batches
from pointsman.bus.codec.records import Incoming
from tests.support.bus.record_log import (
    ABORT,
    APPEND_TIME,
    COMMIT,
    GZIP,
    LZ4,
    NONE,
    PLACE,
    SNAPPY,
    ZSTD,
    Log,
    read,
)


def opened(batches: Sequence[RecordBatch]) -> list[Incoming]:
    return [record for batch in batches for record in batch.records()]


def by_the_client(data: bytes, start: int, aborted: Sequence[tuple[int, int]]) -> tuple[list[Any], int]:
    """The records that aiokafka returns, and its next position."""
    reading = PartitionRecords(
        TopicPartition(*PLACE), MemoryRecords(data), list(aborted), start, None, None, True, READ_COMMITTED
    )
    records = [
        (record.offset, record.timestamp, record.key, record.value, record.headers) for record in reading
    ]
    return records, reading.next_fetch_offset


@pytest.mark.parametrize("codec", [NONE, GZIP, SNAPPY, LZ4, ZSTD])
def test_records_are_encoded_and_decoded_unchanged(codec: int) -> None:
    log = Log()
    log.add([b"first", b"second", None, b"fourth"], codec=codec)
    (batch,) = read(log)
    assert opened([batch]) == [
        Incoming(*PLACE, 0, 1_000, b"fir", b"first", ()),
        Incoming(*PLACE, 1, 1_000, b"sec", b"second", (("h", b"second"),)),
        Incoming(*PLACE, 2, 1_001, None, None, ()),
        Incoming(*PLACE, 3, 1_001, b"fou", b"fourth", (("h", b"fourth"),)),
    ]
    assert (batch.offset, batch.next_offset, batch.count, batch.timestamp_ms) == (0, 4, 4, 1_000)
    assert batch.is_plain
    assert batch.content().count(b"fourth") == 2


def test_a_batch_that_began_before_the_start_is_read_from_there() -> None:
    log = Log()
    log.add([b"a", b"b", b"c"])
    (batch,) = read(log, start=1)
    assert [record.value for record in batch.records()] == [b"b", b"c"]
    assert not batch.is_plain


def test_batches_before_the_start_are_skipped() -> None:
    log = Log()
    log.add([b"a", b"b"])
    log.add([b"c"])
    assert [record.value for record in opened(read(log, start=2))] == [b"c"]
    assert read_batches(PLACE, 7, log.data, ()) == ([], 7)


def test_append_time_replaces_the_records_times() -> None:
    log = Log()
    log.add([b"a", b"b", b"c"], attributes=APPEND_TIME)
    (batch,) = read(log)
    assert batch.taken_ms == 1_001
    assert {(record.timestamp_ms, record.by_broker) for record in batch.records()} == {(1_001, True)}
    log = Log()
    log.add([b"a", b"b", b"c"])
    (batch,) = read(log)
    assert batch.taken_ms is None
    assert not any(record.by_broker for record in batch.records())


def test_the_last_batch_may_be_truncated_anywhere() -> None:
    log = Log()
    log.add([b"a"])
    whole = len(log.data)
    log.add([b"b"])
    for end in range(whole, len(log.data)):
        batches, next_offset = read_batches(PLACE, 0, log.data[:end], ())
        assert ([record.value for record in opened(batches)], next_offset) == ([b"a"], 1)


def test_any_changed_bit_of_a_batch_is_detected() -> None:
    log = Log()
    log.add([b"some value"], codec=ZSTD)
    for at in range(16, len(log.data)):  # what is before says where and how long it is, and who led
        for bit in range(8):
            broken = bytearray(log.data)
            broken[at] ^= 1 << bit
            with pytest.raises(CorruptRecordException, match="t-3: the batch at offset 0"):
                read_batches(PLACE, 0, bytes(broken), ())


def test_old_record_formats_are_refused() -> None:
    log = Log()
    log.add([b"a"])
    old = bytearray(log.data)
    old[16] = 1
    with pytest.raises(CorruptRecordException):
        read_batches(PLACE, 0, bytes(old), ())


def test_markers_and_aborted_records_are_skipped() -> None:
    log = Log()
    log.add([b"loose"])
    log.add([b"aborted"], producer=7)
    log.add([b"committed"], producer=8)
    log.end_transaction(7, ABORT)
    log.add([b"again"], producer=7)
    log.end_transaction(8, COMMIT)
    log.end_transaction(7, COMMIT)
    batches, next_offset = read_batches(PLACE, 0, log.data, [(7, 1)])
    assert [record.value for record in opened(batches)] == [b"loose", b"committed", b"again"]
    assert next_offset == 7


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("records"),
            st.integers(-1, 2),
            st.lists(st.none() | st.binary(max_size=9), min_size=1, max_size=4),
            st.sampled_from([NONE, ZSTD]),
            st.integers(0, 2),
        ),
        st.tuples(st.just("end"), st.integers(0, 2), st.sampled_from([ABORT, COMMIT])),
    ),
    max_size=12,
)


@given(steps, st.integers(0, 20))
def test_it_reads_the_same_records_as_aiokafka(steps: Sequence[tuple[object, ...]], start: int) -> None:
    log, aborted, under_way = Log(), list[tuple[int, int, int]](), dict[int, int]()
    for step in steps:
        match step:
            case ("records", int(producer), list(values), int(codec), int(gaps)):
                under_way.setdefault(producer, log.end)
                log.add(values, codec=codec, producer=producer, gaps=gaps)
            case (_, int(producer), how):
                first = under_way.pop(producer, None)
                if how == ABORT and first is not None:
                    aborted.append((producer, first, log.end))
                log.end_transaction(producer, ABORT if how == ABORT else COMMIT)
    start = min(start, log.end)
    data = log.answer(start)
    relevant = [(producer, first) for producer, first, marker in aborted if marker >= start]
    batches, next_offset = read_batches(PLACE, start, data, relevant)
    ours = [
        (record.offset, record.timestamp_ms, record.key, record.value, record.headers)
        for record in opened(batches)
    ]
    theirs, their_next = by_the_client(data, start, relevant)
    assert ours == theirs
    assert next_offset == their_next


def test_append_time_applies_to_records_with_undecodable_header_names() -> None:
    """Otherwise publishers could choose the times."""
    log = Log()
    log.add([b"a", b"b", b"c"], attributes=APPEND_TIME)
    log.rename_header(b"\xff")
    assert [record.timestamp_ms for record in opened(read(log))] == [1_001] * 3


def test_undecodable_header_names_do_not_stop_reading() -> None:
    """aiokafka fails on such a record every time, so any publisher could stop a service."""
    log = Log(end=10)
    log.add([b"one", b"two", b"three", b"four"])
    log.rename_header(b"\xff")
    for start in range(4):
        records = opened(read(log, 10 + start))
        assert [record.offset for record in records] == [10, 11, 12, 13][start:]
        assert [record.value for record in records] == [b"one", b"two", b"three", b"four"][start:]
        assert [record.timestamp_ms for record in records] == [1_000, 1_000, 1_001, 1_001][start:]
        assert records[-1].headers == (("\\xff", b"four"),)
