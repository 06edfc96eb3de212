"""Transitions of a case: who may do what and when, and the reason of each refusal."""

from typing import Any

import pytest

from pointsman.review import case as cases
from pointsman.review.case import RefusedCommand, plan_of, queue_of
from pointsman_schemas.reviews import ReviewChanged, ReviewRefusal, ReviewRequested
from tests.support.review.cases import NOW, case, claim, decide, edited, later, release, request


def claimed(requested: ReviewRequested, by: str = "ana", **at: Any) -> ReviewChanged:
    return taken(case(requested), requested, by, **at)


def taken(
    before: ReviewChanged, requested: ReviewRequested, by: str = "ana", seconds: float = 1, holds: int = 0
) -> ReviewChanged:
    after = claim_of(before, requested, by, seconds, holds)
    assert isinstance(after, ReviewChanged), after
    return after


def claim_of(
    before: ReviewChanged, requested: ReviewRequested, by: str = "ana", seconds: float = 1, holds: int = 0
) -> ReviewChanged | RefusedCommand:
    queue = queue_of(plan_of(requested), before.queue)
    return cases.claimed(before, claim(requested, by, before.revision), later(seconds), queue, holds)


def decision(
    before: ReviewChanged, requested: ReviewRequested, choice: str = "approve", seconds: float = 2, **of: Any
) -> ReviewChanged | RefusedCommand:
    command = decide(requested, choice, **{"revision": before.revision, **of})
    return cases.decided(before, command, later(seconds), requested)


def refusal(after: ReviewChanged | RefusedCommand) -> ReviewRefusal:
    assert isinstance(after, RefusedCommand), after
    assert after.message
    return after.refusal


def test_a_case_is_claimed_decided_and_then_closed_to_everybody() -> None:
    requested = request()
    before = claimed(requested)
    assert (before.status, before.revision, before.by) == ("claimed", 2, "ana")
    after = decision(before, requested)
    assert isinstance(after, ReviewChanged)
    assert (after.status, after.revision, after.claim) == ("approved", 3, None)
    assert (after.decisions[0].by, after.decisions[0].seconds) == ("ana", 1.0)
    for by in ("ana", "ben"):
        assert refusal(claim_of(after, requested, by)) is ReviewRefusal.NOT_OPEN
        assert refusal(decision(after, requested, by=by)) is ReviewRefusal.NOT_OPEN
    assert refusal(cases.released(after, release(requested, revision=3), later(3))) is ReviewRefusal.NOT_OPEN


@pytest.mark.parametrize(
    ("choice", "fields", "status"),
    [
        ("approve", {}, "approved"),
        ("reject", {}, "rejected"),
        ("send", {"tier": "medium"}, "sent"),
        ("edit", {"response": edited()}, "edited"),
    ],
)
def test_each_choice_has_its_status(choice: str, fields: dict[str, Any], status: str) -> None:
    requested = request()
    after = decision(claimed(requested), requested, choice, **fields)
    assert isinstance(after, ReviewChanged)
    assert after.status == status


@pytest.mark.parametrize(
    ("choice", "fields", "why"),
    [
        ("approve", {"seen": "0" * 64}, ReviewRefusal.OTHER_CONTENT),
        ("reject", {"reason": ""}, ReviewRefusal.REASON_MISSING),
        ("reject", {"reason": "  "}, ReviewRefusal.REASON_MISSING),
        ("edit", {}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("edit", {"response": {}}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("edit", {"response": edited("  ")}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("edit", {"response": {"choices": [None]}}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("approve", {"response": edited()}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("send", {}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("send", {"tier": "gigantic"}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("approve", {"tier": "medium"}, ReviewRefusal.IMPOSSIBLE_CHOICE),
        ("approve", {"by": "ben"}, ReviewRefusal.CLAIMED_BY_OTHER),
        ("approve", {"revision": 1}, ReviewRefusal.STALE_REVISION),
        ("approve", {"seconds": 601}, ReviewRefusal.NOT_CLAIMED),
        ("approve", {"seconds": 3600}, ReviewRefusal.NOT_OPEN),
    ],
)
def test_reasons_for_refusing_a_decision(choice: str, fields: dict[str, Any], why: ReviewRefusal) -> None:
    requested = request()
    assert refusal(decision(claimed(requested), requested, choice, **fields)) is why


def test_an_unclaimed_case_is_not_decided() -> None:
    requested = request()
    assert refusal(decision(case(requested), requested)) is ReviewRefusal.NOT_CLAIMED


def test_there_is_nothing_to_edit_before_there_is_an_answer() -> None:
    requested = request(of="routing")
    after = decision(claimed(requested), requested, "edit", response=edited())
    assert refusal(after) is ReviewRefusal.IMPOSSIBLE_CHOICE
    assert isinstance(decision(claimed(requested), requested, "approve"), ReviewChanged)


def test_a_queue_may_require_a_reason_for_every_decision() -> None:
    requested = request(reason="always")
    assert refusal(decision(claimed(requested), requested)) is ReviewRefusal.REASON_MISSING
    assert isinstance(decision(claimed(requested), requested, reason="whole"), ReviewChanged)


def test_a_claim_lasts_exactly_until_its_lease_ends() -> None:
    requested = request()
    before = claimed(requested)  # until 601 s
    assert refusal(claim_of(before, requested, "ben", 600.999)) is ReviewRefusal.CLAIMED_BY_OTHER
    assert taken(before, requested, "ben", 601).claim is not None
    again = taken(before, requested, "ana", 300)
    assert again.claim is not None
    assert again.claim.until == later(900)


def test_claims_per_person_are_limited() -> None:
    requested = request(open_per_person=3)
    assert taken(case(requested), requested, holds=2).status == "claimed"
    assert refusal(claim_of(case(requested), requested, holds=3)) is ReviewRefusal.TOO_MANY_CLAIMS


def test_only_the_claimant_can_release_a_case() -> None:
    requested = request()
    before = claimed(requested)
    assert refusal(cases.released(before, release(requested, "ben"), later(2))) is (
        ReviewRefusal.CLAIMED_BY_OTHER
    )
    after = cases.released(before, release(requested), later(2))
    assert isinstance(after, ReviewChanged)
    assert (after.status, after.claim, after.revision) == ("open", None, 3)


class TestTwoPeople:
    def test_two_different_people_agree(self) -> None:
        requested = request(people=2)
        first = decision(claimed(requested), requested)
        assert isinstance(first, ReviewChanged)
        assert (first.status, len(first.decisions)) == ("open", 1)
        assert refusal(claim_of(first, requested, "ana", 3)) is ReviewRefusal.SAME_PERSON
        second = decision(taken(first, requested, "ben", 3), requested, by="ben", seconds=4)
        assert isinstance(second, ReviewChanged)
        assert (second.status, [made.by for made in second.decisions]) == ("approved", ["ana", "ben"])

    def test_one_person_cannot_decide_twice(self) -> None:
        requested = request(people=2)
        first = decision(claimed(requested), requested)
        assert isinstance(first, ReviewChanged)
        again = first.model_copy(update={"status": "claimed", "claim": claimed(requested).claim})
        second = decision(again, requested)
        assert isinstance(second, ReviewChanged)
        assert second.status == "open"

    def test_a_disagreement_is_left_to_a_third_person(self) -> None:
        requested = request(people=2)
        first = decision(claimed(requested), requested)
        assert isinstance(first, ReviewChanged)
        second = decision(taken(first, requested, "ben", 3), requested, "reject", by="ben", seconds=4)
        assert isinstance(second, ReviewChanged)
        assert second.status == "open"
        third = decision(taken(second, requested, "eva", 5), requested, "reject", by="eva", seconds=6)
        assert isinstance(third, ReviewChanged)
        assert third.status == "rejected"

    def test_two_edits_agree_if_they_are_the_same(self) -> None:
        requested = request(people=2)
        first = decision(claimed(requested), requested, "edit", response=edited("a"))
        assert isinstance(first, ReviewChanged)
        for text, status in (("b", "open"), ("a", "edited")):
            second = decision(
                taken(first, requested, "ben", 3), requested, "edit", 4, by="ben", response=edited(text)
            )
            assert isinstance(second, ReviewChanged)
            assert second.status == status

    def test_people_who_never_agree_approve_nothing(self) -> None:
        requested = request(people=2)
        now = case(requested)
        for number in range(cases.MOST_DECISIONS):
            by = f"person-{number}"
            mine = decision(
                taken(now, requested, by, number), requested, "edit", number, by=by, response=edited(by)
            )
            assert isinstance(mine, ReviewChanged)
            now = mine
        assert (now.status, now.change) == ("rejected", "disagreed")


class TestTime:
    def test_a_claim_expires(self) -> None:
        requested = request()
        before = claimed(requested)
        assert cases.timed_out(before, later(600.999), plan_of(requested)) is None
        after = cases.timed_out(before, later(601), plan_of(requested))
        assert after is not None
        assert (after.status, after.claim, after.change) == ("open", None, "claim expired")

    def test_a_queue_leads_to_the_next_and_the_last_to_an_end(self) -> None:
        requested = request(then="board", queues=[{"name": "board", "deadline_s": 60}])
        before = case(requested)
        assert cases.timed_out(before, later(3599), plan_of(requested)) is None
        moved = cases.timed_out(before, later(3600), plan_of(requested))
        assert moved is not None
        assert (moved.queue, moved.status, moved.deadline) == ("board", "open", later(3660))
        ended = cases.timed_out(moved, later(3660), plan_of(requested))
        assert ended is not None
        assert (ended.status, ended.change) == ("expired", "queue expired")

    def test_the_jobs_own_deadline_comes_first(self) -> None:
        requested = request(deadline=later(30), then="board", queues=[{"name": "board", "deadline_s": 60}])
        after = cases.timed_out(case(requested), later(30), plan_of(requested))
        assert after is not None
        assert (after.status, after.change) == ("expired", "job expired")
        late = decision(claimed(requested), requested, seconds=30)
        assert refusal(late) is ReviewRefusal.NOT_OPEN

    def test_no_timeout_approves_a_case(self) -> None:
        requested = request()
        statuses = {
            after.status
            for before in (case(requested), claimed(requested))
            for seconds in (0, 601, 3600, 10**8)
            if (after := cases.timed_out(before, later(seconds), plan_of(requested))) is not None
        }
        assert statuses == {"open", "expired"}


def test_a_cancelled_job_has_no_case() -> None:
    after = cases.withdrawn(case(request()), "contract-reviewer", NOW)
    assert (after.status, after.by) == ("withdrawn", "contract-reviewer")
