"""A whole Kafka batch and its single records give the same result."""

from dataclasses import replace

import pytest
from aiokafka.errors import CorruptRecordException
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.records import Outgoing
from pointsman.runtime.metrics import ROUTED
from tests.support.bus.record_log import APPEND_TIME, NONE, ZSTD, Log, read
from tests.support.router.fast_path import fast_handler, needs_library
from tests.support.router.fast_path_whole import PLACE, assert_the_same, id_of, known, opened, value
from tests.support.router.router_lanes import POLICY, REGISTRY, TOPICS, handler


@needs_library
@pytest.mark.parametrize("codec", [NONE, ZSTD])
def test_ordinary_jobs_come_out_the_same(codec: int) -> None:
    log = Log(end=1_000)
    log.add([value(number) for number in range(50, 90)], codec=codec, plain=True)
    log.add([value(number) for number in range(50, 60)], codec=codec, gaps=2, plain=True)
    batches = read(log, place=PLACE)
    assert assert_the_same(batches) == 50
    lane, before = known(), routed()
    lane.handle_batches(batches)
    assert routed() - before == 50


@needs_library
def test_jobs_with_the_brokers_time_come_out_the_same() -> None:
    log = Log(end=1_000)
    log.add([value(number) for number in range(50, 60)], plain=True)
    log.add([value(number) for number in range(50, 60)], plain=True, attributes=APPEND_TIME)
    batches = read(log, place=PLACE)
    assert batches[1].taken_ms is not None
    assert assert_the_same(batches) == 20


def routed() -> float:
    """The number of routed jobs."""
    samples = [sample for family in ROUTED.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


@needs_library
def test_records_left_to_the_full_path_are_answered_in_order() -> None:
    log = Log(end=1_000)
    log.add([value(60), b"{", None, value(61, tier="huge"), value(62), b""], plain=True)
    log.add([value(63)], plain=True)
    assert assert_the_same(read(log, place=PLACE)) == 3


@needs_library
def test_a_job_that_comes_twice_is_routed_once() -> None:
    log = Log(end=1_000)
    twice = {"job_id": id_of(5).decode()}
    log.add([value(60, **twice)], key=id_of(5), plain=True)
    log.add([value(60, **twice)], key=id_of(5), plain=True)
    log.add([value(60, job_id=id_of(6).decode())], key=b"elsewhere", plain=True)
    batches = read(log, place=PLACE)
    assert assert_the_same(batches) == 1
    lane = known()
    assert lane.handle_batches(batches[:1]) is not None
    (again,) = lane.handle_records(opened(batches[1:2]))
    assert again.topic == TOPICS.dead.name


@needs_library
def test_a_stored_value_is_left_to_the_full_path_and_not_cached() -> None:
    log, lane = Log(end=1_000), known()
    log.add([value(60, job_id=id_of(7).decode())], key=id_of(7), plain=True)
    log.add_sent([Outgoing("", None, value(61), [("ce_dataref", b"x")])])
    batches = read(log, place=PLACE)
    assert lane.handle_batches(batches) is None
    (routed, _) = lane.handle_records(opened(batches))
    assert routed.topic != TOPICS.dead.name


@needs_library
@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3))
def test_arbitrary_bytes_are_read_within_bounds(changes: list[tuple[int, int]]) -> None:
    log = Log(end=1_000)
    log.add([value(60), value(61), value(62)], plain=True)
    (batch,) = read(log, place=PLACE)
    raw = bytearray(batch.raw)
    for at, byte in changes:
        raw[61 + at % (len(raw) - 61)] = byte
    try:
        whole = LANE.handle_batches([replace(batch, raw=bytes(raw))])
    except CorruptRecordException:
        return  # by the client, which was asked for a record that the library left alone
    assert whole is None or sum(whole.times.values()) == 3


@needs_library
def test_a_truncated_record_is_refused() -> None:
    log = Log(end=1_000)
    log.add([b"{}"], plain=True)
    (batch,) = read(log, place=PLACE)
    content = batch.content()
    longer = bytes([content[0] + 2]) + content[1:] + b"\0"  # sizes are doubled, the lowest bit is their sign
    assert LANE.handle_batches([batch]) is not None
    assert LANE.handle_batches([replace(batch, raw=batch.raw[: -len(content)] + longer)]) is None


@needs_library
@pytest.mark.parametrize("count", [2, 4])
def test_a_wrong_record_count_is_refused(count: int) -> None:
    log = Log(end=1_000)
    log.add([value(60), value(61), value(62)], plain=True)
    (batch,) = read(log, place=PLACE)
    assert LANE.handle_batches([replace(batch, count=count)]) is None
    assert LANE.handle_batches([replace(batch, raw=batch.raw[:-1])]) is None
    assert LANE.handle_batches([batch]) is not None


LANE = fast_handler(POLICY, REGISTRY)


def test_the_full_path_reads_records_one_by_one() -> None:
    log = Log()
    log.add([value(60)], plain=True)
    assert handler().handle_batches(read(log, place=PLACE)) is None
