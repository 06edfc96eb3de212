"""Kafka's batches as a whole: what the library makes of them is what it makes of their records one by one."""

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from aiokafka.errors import CorruptRecordException
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.bundle import Bundle, unpacked
from pointsman.bus.hop import times_of
from pointsman.bus.record_batch import RecordBatch
from pointsman.bus.records import Incoming
from pointsman.router.handlers import RouterHandler
from tests.support.record_log import NONE, ZSTD, Log, read
from tests.support.router_lanes import POLICY, REGISTRY, TOPICS, handler
from tests.support.swift import native_handler, needs_library

PLACE = (TOPICS.intake.name, 2)


def value(number: int, **more: object) -> bytes:
    return json.dumps({"agent_id": "data-analyst", "kind": "sql", "prompt": "p" * number, **more}).encode()


def id_of(number: int) -> bytes:
    return str(UUID(int=7 << 76 | 2 << 62 | number)).encode()


def known() -> RouterHandler:
    """One that has plans for the jobs of `value`."""
    lane = native_handler(POLICY, REGISTRY)
    lane([Incoming(*PLACE, offset, 0, None, value(offset), ()) for offset in range(1, 40)])
    return lane


def opened(batches: Sequence[RecordBatch]) -> list[Incoming]:
    return [record for batch in batches for record in batch.records()]


def assert_the_same(batches: Sequence[RecordBatch]) -> int:
    """By two lanes that have met the same; returns how many records went the library's way."""
    whole, apart = known().whole(batches), known()(opened(batches))
    assert whole is not None
    assert list(unpacked(whole.made)) == list(unpacked(apart))
    assert whole.times == times_of(opened(batches))
    return sum(each.count for each in whole.made if isinstance(each, Bundle))


@needs_library
@pytest.mark.parametrize("codec", [NONE, ZSTD])
def test_ordinary_jobs_come_out_the_same(codec: int) -> None:
    log = Log(end=1_000)
    log.add([value(number) for number in range(50, 90)], codec=codec, plain=True)
    log.add([value(number) for number in range(50, 60)], codec=codec, gaps=2, plain=True)
    assert assert_the_same(read(log, place=PLACE)) == 50


@needs_library
def test_what_the_library_leaves_alone_is_answered_in_between() -> None:
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
    assert lane.whole(batches[:1]) is not None
    (again,) = lane(opened(batches[1:2]))
    assert again.topic == TOPICS.dead.name


@needs_library
def test_records_with_headers_are_for_the_other_way_and_nothing_is_remembered_of_them() -> None:
    log, lane = Log(end=1_000), known()
    log.add([value(60, job_id=id_of(7).decode())], key=id_of(7), plain=True)
    log.add([value(61), value(62)])  # the second has one
    batches = read(log, place=PLACE)
    assert lane.whole(batches) is None
    assert {made.topic for made in unpacked(lane(opened(batches)))} == {
        made.topic for made in unpacked(known()(opened(batches)))
    }
    assert TOPICS.dead.name not in {made.topic for made in unpacked(lane(opened(batches[1:])))}


@needs_library
@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3))
def test_whatever_stands_there_is_read_within_its_bounds(changes: list[tuple[int, int]]) -> None:
    log = Log(end=1_000)
    log.add([value(60), value(61), value(62)], plain=True)
    (batch,) = read(log, place=PLACE)
    raw = bytearray(batch.raw)
    for at, byte in changes:
        raw[61 + at % (len(raw) - 61)] = byte
    try:
        whole = LANE.whole([replace(batch, raw=bytes(raw))])
    except CorruptRecordException:
        return  # by the client, which was asked for a record that the library left alone
    assert whole is None or sum(whole.times.values()) == 3


@needs_library
@pytest.mark.parametrize("count", [2, 4])
def test_another_number_of_records_than_announced_is_refused(count: int) -> None:
    log = Log(end=1_000)
    log.add([value(60), value(61), value(62)], plain=True)
    (batch,) = read(log, place=PLACE)
    assert LANE.whole([replace(batch, count=count)]) is None
    assert LANE.whole([replace(batch, raw=batch.raw[:-1])]) is None
    assert LANE.whole([batch]) is not None


LANE = native_handler(POLICY, REGISTRY)


def test_the_python_way_reads_records_one_by_one() -> None:
    log = Log()
    log.add([value(60)], plain=True)
    assert handler().whole(read(log, place=PLACE)) is None
