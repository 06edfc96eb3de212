"""What was fetched and not taken yet: records and batches come out once, in their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.record_batch import RecordBatch
from pointsman.bus.supply import Supply
from tests.support.record_log import Log, read

MOST = 3


def batches(*counts: int) -> list[RecordBatch]:
    log = Log()
    for count in counts:
        log.add([b"x"] * count)
    return read(log)


@pytest.fixture
def supply() -> Supply:
    return Supply()


def test_there_is_nothing_at_first(supply: Supply) -> None:
    assert (bool(supply), len(supply), supply.take(5), supply.take_batch(5)) == (False, 0, [], None)


@given(st.lists(st.integers(1, 5), max_size=6), st.lists(st.integers(-1, 4), max_size=30))
def test_each_record_comes_once_and_in_its_order(counts: list[int], takes: list[int]) -> None:
    supply, found = Supply(), list[int]()
    supply.put(batches(*counts))
    for most in takes:
        if most < 0:
            batch = supply.take_batch(MOST)
            found += [] if batch is None else [record.offset for record in batch.records()]
        elif most:
            taken = supply.take(most)
            assert len(taken) <= most
            assert taken or not supply
            found += [record.offset for record in taken]
        assert len(supply) == sum(counts) - len(found)
    while supply:
        found += [record.offset for record in supply.take(2)]
    assert found == list(range(sum(counts)))


def test_a_batch_is_taken_whole_only_if_it_is_small_plain_and_untouched(supply: Supply) -> None:
    supply.put(batches(MOST + 1, 2, 1))
    assert supply.take_batch(MOST) is None
    assert len(supply.take(MOST)) == MOST
    assert supply.take_batch(MOST) is None  # the first one is not at its end
    assert len(supply.take(MOST)) == 1
    second = supply.take_batch(MOST)
    assert second is not None
    assert second.count == 2
    assert len(supply.take(MOST)) == 1
    assert not supply


def test_a_batch_in_whose_middle_reading_began_is_never_taken_whole(supply: Supply) -> None:
    log = Log()
    log.add([b"a", b"b"])
    supply.put(read(log, start=1))
    assert supply.take_batch(MOST) is None
    assert [record.offset for record in supply.take(MOST)] == [1]
