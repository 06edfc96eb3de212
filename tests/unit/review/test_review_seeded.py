"""Test cases in a queue look like any other case and have no effect, but the decision is recorded."""

from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from pointsman.review.case import WAITING
from pointsman_schemas.base import Message
from pointsman_schemas.reviews import ReviewAnswered, ReviewRequested
from tests.support.review.cases import NOW, claim, decide, edited, later, record
from tests.support.review.seeded import LONG, Reviews, answer_of, asked, with_test


def test_a_test_is_one_cases_question_with_the_answer_to_another() -> None:
    _, (decided, *waiting), test = with_test()
    assert test.job.request == decided.job.request
    assert test.job.agent_id == decided.job.agent_id and test.queue == decided.queue
    assert test.proposed is not None and test.proposed.job_id == test.job.job_id
    assert answer_of(test) in [answer_of(other) for other in waiting]
    assert test.job.job_id not in {requested.job.job_id for requested in [decided, *waiting]}


def test_nothing_that_is_shown_tells_it_from_another_while_it_waits() -> None:
    reviews, (_, other, *_), test = with_test()
    its, others = reviews.cases[test.job.job_id], reviews.cases[other.job.job_id]
    for review_case in (its, others):
        assert not review_case.seeded
    assert its.model_dump().keys() == others.model_dump().keys()
    empty = {name for name, value in its.model_dump().items() if value is None}
    assert empty == {name for name, value in others.model_dump().items() if value is None}
    assert (its.status, its.revision, its.change, its.by) == ("open", 1, "opened", None)
    assert its.job_id.version == others.job_id.version == 7
    assert all(b'seeded":true' not in (change.value or b"") for change in reviews.changes)


def test_its_id_is_of_the_kind_that_the_publisher_uses() -> None:
    reviews = Reviews()
    ids = [UUID(bytes=sha256(bytes([number])).digest()[:16], version=4) for number in range(12)]
    requests = [asked(number, id) for number, id in enumerate(ids)]
    for requested in requests:
        reviews.put(requested, NOW)
    for requested in requests[:-1]:
        reviews.decided(requested)
    versions = {test.job.job_id.version for test in reviews.tests()}
    assert versions == {4}


@pytest.mark.parametrize(
    ("choice", "more"),
    [
        ("approve", {}),
        ("edit", {"response": edited("another one")}),
        ("reject", {}),
        ("send", {"tier": "small"}),
    ],
    ids=["approve", "edit", "reject", "send"],
)
def test_a_test_case_has_no_effect_but_is_recorded(choice: str, more: dict[str, Any]) -> None:
    reviews, _, test = with_test()
    (answer,) = reviews.decided(test, choice, "ben", **more)
    assert isinstance(answer, ReviewAnswered) and answer.refused is None
    assert "It was a test" in answer.message
    case = reviews.cases[test.job.job_id]
    assert case.seeded and case.status not in WAITING
    assert [(decision.by, decision.choice) for decision in case.decisions] == [("ben", choice)]
    assert b"request/" + str(case.job_id).encode() not in reviews.state
    assert reviews.tests() == [], "no test follows from a test"


def test_an_undecided_test_case_has_no_effect() -> None:
    reviews, (_, *waiting), test = with_test()
    before = len(reviews.sent)
    made = reviews.due(later(2001 + 3600))
    ended = [message for message in made if getattr(message, "job_id", None) == test.job.job_id]
    assert ended == [] and len(reviews.sent) - before == len(waiting), "the others are rejected"
    assert (reviews.cases[test.job.job_id].status, reviews.cases[test.job.job_id].seeded) == ("expired", True)


def test_two_people_decide_a_test_where_two_decide_a_case() -> None:
    reviews = Reviews()
    requests = [asked(number, people=2) for number in range(12)]
    for requested in requests:
        reviews.put(requested, NOW)
    for requested in requests:
        reviews.decided(requested)
        assert reviews.tests() == [], "one of two has decided"
        reviews.answer(claim(requested, "ben", 3))
        reviews.answer(decide(requested, "approve", "ben", 4))
        if reviews.tests():
            break
    (test,) = reviews.tests()
    first = reviews.decided(test)[0]
    assert "another person has to agree" in first.message and "test" not in first.message


@pytest.mark.parametrize(
    "more",
    [{"seeded_every": None}, {"text": "refund {}"}, {"text": LONG.replace("{}", "always")}],
    ids=["not asked for", "short answers may be right by chance", "the same answer"],
)
def test_situations_without_a_test_case(more: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="no test after 12"):
        with_test(**more)


def test_personal_data_is_never_used_in_a_test_case() -> None:
    reviews = Reviews()
    requests = [asked(number) for number in range(12)]
    for place, requested in enumerate(requests):
        about = record(requested, 100 + place)
        if place % 2:
            about = replace(about, headers=(*about.headers, ("ce_datasubject", b"person-7")))
        reviews.now = NOW
        reviews.take(about)
    for requested in requests[::2]:
        reviews.decided(requested)
    of_nobody = {answer_of(requested) for requested in requests[::2]}
    tests = reviews.tests()
    assert tests
    for test in tests:
        assert answer_of(test) in of_nobody


def test_the_same_decisions_make_the_same_tests_whoever_restores_the_state() -> None:
    def run(restarts: bool) -> list[tuple[bytes | None, bytes | None]]:
        reviews = Reviews()
        requests: list[Message] = [asked(number) for number in range(12)]
        for requested in requests:
            reviews.put(requested, NOW)
        for requested in requests:
            assert isinstance(requested, ReviewRequested)
            if restarts:
                reviews.restart()
            reviews.decided(requested)
        return [(change.key, change.value) for change in reviews.changes]

    assert run(restarts=True) == run(restarts=False)


def test_about_one_in_n_decisions_is_followed_by_a_test_case() -> None:
    reviews = Reviews()
    other = asked(100_000, seeded_every=20)
    reviews.put(other, NOW)
    for number in range(400):
        requested = asked(number, seeded_every=20)
        reviews.put(requested, NOW)
        reviews.decided(requested)
    assert 8 <= len(reviews.tests()) <= 40


def test_what_is_due_comes_in_one_order_whoever_restored_the_state() -> None:
    def due(*, restarts: bool) -> list[tuple[bytes | None, bytes | None]]:
        reviews = Reviews()
        requests = [asked(number) for number in range(5)]
        for requested in requests:
            reviews.put(requested, NOW)
        reviews.put(claim(requests[0]), later(10))
        if restarts:
            reviews.restart()
        reviews.due(later(3601))
        return [(made.key, made.value) for made in (*reviews.sent, *reviews.changes)]

    assert due(restarts=True) == due(restarts=False)
