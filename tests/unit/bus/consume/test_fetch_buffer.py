"""Fetched records and batches are returned once and in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from tests.support.bus.record_log import Log, read

MOST = 3


def batches(*counts: int) -> list[RecordBatch]:
    log = Log()
    for count in counts:
        log.add([b"x"] * count)
    return read(log)


@pytest.fixture
def fetch_buffer() -> FetchBuffer:
    return FetchBuffer()


def test_it_is_empty_at_first(fetch_buffer: FetchBuffer) -> None:
    assert (bool(fetch_buffer), len(fetch_buffer), fetch_buffer.take(5), fetch_buffer.take_batch(5)) == (
        False,
        0,
        [],
        None,
    )


@given(st.lists(st.integers(1, 5), max_size=6), st.lists(st.integers(-1, 4), max_size=30))
def test_records_are_returned_once_and_in_order(counts: list[int], takes: list[int]) -> None:
    fetch_buffer, offsets = FetchBuffer(), list[int]()
    fetch_buffer.put(batches(*counts))
    for most in takes:
        if most < 0:
            batch = fetch_buffer.take_batch(MOST)
            offsets += [] if batch is None else [record.offset for record in batch.records()]
        elif most:
            taken = fetch_buffer.take(most)
            assert len(taken) <= most
            assert taken or not fetch_buffer
            offsets += [record.offset for record in taken]
        assert len(fetch_buffer) == sum(counts) - len(offsets)
    while fetch_buffer:
        offsets += [record.offset for record in fetch_buffer.take(2)]
    assert offsets == list(range(sum(counts)))


def test_a_batch_is_taken_whole_only_if_it_is_small_plain_and_untouched(fetch_buffer: FetchBuffer) -> None:
    fetch_buffer.put(batches(MOST + 1, 2, 1))
    assert fetch_buffer.take_batch(MOST) is None
    assert len(fetch_buffer.take(MOST)) == MOST
    assert fetch_buffer.take_batch(MOST) is None  # the first one is not at its end
    assert len(fetch_buffer.take(MOST)) == 1
    second = fetch_buffer.take_batch(MOST)
    assert second is not None
    assert second.count == 2
    assert len(fetch_buffer.take(MOST)) == 1
    assert not fetch_buffer


def test_a_batch_with_skipped_records_is_not_taken_whole(fetch_buffer: FetchBuffer) -> None:
    log = Log()
    log.add([b"a", b"b"])
    fetch_buffer.put(read(log, start=1))
    assert fetch_buffer.take_batch(MOST) is None
    assert [record.offset for record in fetch_buffer.take(MOST)] == [1]
