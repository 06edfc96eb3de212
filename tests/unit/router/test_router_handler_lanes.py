"""Several lanes: one answer for each job whatever the keys, nothing lost, and no endless forwarding."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.encoded_batch import Made
from pointsman_schemas import dead
from pointsman_schemas.envelope import from_headers
from pointsman_schemas.ids import derived_id
from pointsman_schemas.reasons import Reason
from tests.support.bus.bad_records import BAD, GOOD_FIRST, TAKEN
from tests.support.router.router_lanes import TOPICS, Router, handler, incoming

TIERS = [TOPICS.tier(tier).name for tier in ("small", "medium", "frontier")]
INTAKE = TOPICS.intake.name


def uuid(number: int) -> UUID:
    return UUID(int=(0x0190A000 << 96) + (0x7000 << 64) + (0x8 << 60) + number)


def body(number: int | None = None, **fields: Any) -> bytes:
    given_id = {} if number is None else {"job_id": str(uuid(number))}
    return json.dumps({"agent_id": "chat-desk", "prompt": "Hello", **given_id, **fields}).encode()


def answers(router: Router) -> Counter[UUID | None]:
    """How often each job was routed or given an outcome."""
    made = [record for topic in (*TIERS, TOPICS.results.name) for record in router.made[topic]]
    return Counter(from_headers(record.headers).job_id for record in made)


def reasons(made: list[Made]) -> list[Reason]:
    return [
        dead.from_headers(dict(record.headers)).reason for record in made if record.topic == TOPICS.dead.name
    ]


def test_a_job_with_a_wrong_key_is_forwarded_to_its_partition() -> None:
    record = incoming(body(1), key=b"whatever", partition=1, offset=3)
    lane = handler()
    (made,) = lane.handle_records([record])
    assert (made.topic, made.key, made.value) == (INTAKE, str(uuid(1)).encode(), record.value)
    envelope = from_headers(made.headers)
    assert envelope is not None
    assert envelope.id == derived_id(*record.origin, "rekey")
    assert envelope.causation_id == derived_id(*record.origin, "submitted")
    assert (envelope.type, envelope.job_id, envelope.agent_id) == ("job.submitted.v1", uuid(1), "chat-desk")
    (routed,) = lane.handle_records([incoming(made.value, key=made.key, headers=made.headers, offset=4)])
    assert routed.topic in TIERS
    after = from_headers(routed.headers)
    assert after is not None
    assert (after.causation_id, after.trace_id) == (envelope.id, envelope.trace_id)


def test_a_job_with_its_id_only_in_a_header_is_forwarded_too() -> None:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(uuid(9)).encode()),
        ("ce_source", b"elsewhere"),
        ("ce_type", b"pointsman.job.submitted.v1"),
        ("ce_jobid", str(uuid(1)).encode()),
    ]
    router = Router()
    router.publish(body(), None, headers)
    router.publish(body(), b"other", headers)
    router.run()
    assert answers(router) == {uuid(1): 1}
    assert reasons(router.made[TOPICS.dead.name]) == [Reason.DUPLICATE_JOB]


@pytest.mark.parametrize("key", [None, b"k", b""])
def test_a_job_without_an_id_of_its_own_stays_where_it_is(key: bytes | None) -> None:
    (made,) = handler().handle_records([incoming(body(), key=key)])
    assert made.topic in TIERS


def test_the_key_is_the_order_key_where_there_is_one() -> None:
    lane = handler()
    (made,) = lane.handle_records([incoming(body(1, order_key="case"), key=b"case")])
    assert made.topic in TIERS
    (again,) = lane.handle_records([incoming(body(2, order_key="case"), key=str(uuid(2)).encode())])
    assert (again.topic, again.key) == (INTAKE, b"case")


def test_a_second_record_of_a_job_is_a_dead_letter_that_names_it() -> None:
    record = incoming(body(1), key=str(uuid(1)).encode())
    _, made = handler().handle_records([record, incoming(body(1), key=record.key, offset=1)])
    assert made.topic == TOPICS.dead.name
    letter = dead.from_headers(dict(made.headers))
    assert letter.reason is Reason.DUPLICATE_JOB
    assert f"pointsman trace {uuid(1)}" in letter.message


def test_a_restarted_lane_remembers_the_jobs_it_warmed_up_with() -> None:
    past = [
        incoming(body(1), key=str(uuid(1)).encode()),
        incoming(body(2), key=b"astray", offset=1),
        incoming(body(3, metadata=[]), key=str(uuid(3)).encode(), offset=2),
        incoming(None, offset=3),
    ]
    lane = handler()
    lane.remember_records(past[:2])
    lane.remember_records(past[2:])
    keyed = [incoming(body(n), key=str(uuid(n)).encode(), offset=10 + n) for n in (1, 2, 3, 4)]
    made = lane.handle_records(keyed)
    assert reasons(made) == [Reason.DUPLICATE_JOB, Reason.DUPLICATE_JOB]
    assert [record.key for record in made if record.topic in TIERS] == [keyed[1].key, keyed[3].key]


def test_a_malformed_record_neither_answers_for_a_job_that_is_under_way_nor_lets_it_begin_later() -> None:
    key = str(uuid(1)).encode()
    made = handler().handle_records(
        [incoming(body(1), key=key), incoming(body(1, metadata=[]), key=key, offset=1)]
    )
    assert [record.topic for record in made] == [TOPICS.tier("medium").name, TOPICS.dead.name]
    made = handler().handle_records(
        [incoming(body(1, metadata=[]), key=key), incoming(body(1), key=key, offset=1)]
    )
    assert [record.topic for record in made] == [TOPICS.dead.name, TOPICS.results.name, TOPICS.dead.name]


def test_memory_is_bounded_and_what_came_first_is_forgotten_first() -> None:
    lane = handler(remembered=2)
    lane.handle_records([incoming(body(n), key=str(uuid(n)).encode(), offset=n) for n in (1, 2, 3)])
    again = [incoming(body(n), key=str(uuid(n)).encode(), offset=10 + n) for n in (3, 2, 1)]
    made = lane.handle_records(again)
    assert reasons(made) == [Reason.DUPLICATE_JOB, Reason.DUPLICATE_JOB]
    assert made[2].key == again[2].key
    assert made[2].topic in TIERS


def test_the_corpus_of_bad_records_between_good_ones() -> None:
    router = Router()
    router.publish(GOOD_FIRST, str(TAKEN).encode())
    for number, bad in enumerate(BAD):
        router.publish(bad.value, bad.key, bad.headers)
        router.publish(body(number, order_key=None), None if number % 2 else str(uuid(number)).encode())
    router.run()
    counts = answers(router)
    assert all(counts[uuid(number)] == 1 for number in range(len(BAD)))
    assert set(counts.values()) == {1}
    assert sum(len(router.made[topic]) for topic in TIERS) == len(BAD) + 1
    assert Counter(reasons(router.made[TOPICS.dead.name])) == Counter(bad.reason for bad in BAD)


submissions = st.tuples(
    st.none() | st.integers(0, 3),  # which job, if the publisher names one
    st.sampled_from(["id", "none", "wrong"]),  # what it is keyed by
    st.booleans(),  # whether the record is malformed
)


@given(st.lists(submissions, max_size=12), st.integers(1, 5))
def test_each_job_is_answered_once_whatever_is_published(
    published: list[tuple[int | None, str, bool]], partitions: int
) -> None:
    router = Router(partitions)
    for number, keyed_by, malformed in published:
        key = {"id": None if number is None else str(uuid(number)).encode(), "none": None, "wrong": b"w"}
        router.publish(body(number, **({"metadata": 7} if malformed else {})), key[keyed_by])
    router.run(most=2)  # sent on at most once
    counts = answers(router)
    named = {uuid(number) for number, _, _ in published if number is not None}
    assert named <= set(counts)
    assert set(counts.values()) <= {1}
    unnamed = [malformed for number, _, malformed in published if number is None]
    assert len(counts) == len(named) + unnamed.count(False)
    rejected = len(router.made[TOPICS.results.name])
    routed = sum(len(router.made[topic]) for topic in TIERS)
    assert routed + len(router.made[TOPICS.dead.name]) == len(published)
    assert routed + rejected == len(counts)
