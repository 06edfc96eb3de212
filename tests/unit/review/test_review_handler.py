"""Requests and commands in any order give exactly one outcome for each case."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import sign
from pointsman.identity.keys import PrivateKey
from pointsman.review.case import KEPT
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.reviews import ReviewRefusal, ReviewRequested
from tests.support.review.cases import (
    NOW,
    TOPICS,
    claim,
    decide,
    edited,
    job_id,
    later,
    record,
    release,
    request,
    value_of,
)
from tests.support.review.driven import PEOPLE, Driven, registry

OUTCOMES = (JobCompleted, JobRejected, JobExpired, JobCancelled, JobRouted)


def opened(driven: Driven, requested: ReviewRequested) -> ReviewRequested:
    assert driven.put(requested, NOW) == []
    return requested


def test_an_approved_outcome_equals_the_proposal_byte_for_byte() -> None:
    driven = Driven()
    requested = opened(driven, request(people=1))
    assert requested.proposed is not None
    assert driven.answer(claim(requested), later(1)).refused is None
    outcome, answer = driven.put(decide(requested), later(9))
    assert outcome == requested.proposed
    (sent, _) = driven.sent[-2:]
    assert sent.value == JobCompleted.__pydantic_serializer__.to_json(requested.proposed)
    assert sent.topic == TOPICS.results.name
    assert answer.message.startswith("approved")  # type: ignore[attr-defined]


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=4),
    max_leaves=12,
)


@given(ANY_JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_the_provider_said_is_carried_out_as_it_was(content: Any) -> None:
    driven = Driven()
    proposed = request().proposed
    assert proposed is not None
    answered = proposed.model_copy(update={"response": {"choices": [content], "more": content}})
    as_the_worker_writes_it = JobCompleted.__pydantic_serializer__.to_json(answered)
    requested = request().model_copy(update={"proposed": answered})
    requested = ReviewRequested.model_validate_json(value_of(requested))
    opened(driven, requested)
    driven.put(claim(requested))
    driven.put(decide(requested))
    assert driven.sent[-2].value == as_the_worker_writes_it


def test_an_edit_replaces_the_body_and_nothing_else() -> None:
    driven = Driven()
    requested = opened(driven, request())
    driven.put(claim(requested))
    outcome, _ = driven.put(decide(requested, "edit", response=edited("better")))
    assert isinstance(outcome, JobCompleted)
    assert outcome.response == edited("better")
    assert requested.proposed is not None
    assert outcome == requested.proposed.model_copy(update={"response": edited("better")})


def test_a_rejected_job_ends_with_the_reason() -> None:
    driven = Driven()
    asked = request()
    job = asked.job.model_copy(update={"metadata": {"pointsman_request": "ab" * 32}})
    requested = opened(driven, asked.model_copy(update={"job": job}))
    driven.put(claim(requested))
    outcome, _ = driven.put(decide(requested, "reject", reason="the cap is missing"))
    assert isinstance(outcome, JobRejected)
    assert outcome.reason is Reason.NOT_APPROVED
    assert "ana" in outcome.message
    assert "the cap is missing" in outcome.message
    assert (outcome.attempts, outcome.cost_usd) == (requested.attempts, requested.cost_usd)
    assert outcome.request_digest == "ab" * 32


@pytest.mark.parametrize("choice", ["approve", "send"])
def test_a_job_whose_routing_stopped_goes_to_a_tier(choice: str) -> None:
    driven = Driven()
    requested = opened(driven, request(of="routing"))
    driven.put(claim(requested))
    tier: dict[str, Any] = {"tier": "medium"} if choice == "send" else {}
    routed, _ = driven.put(decide(requested, choice, **tier))
    assert isinstance(routed, JobRouted)
    assert routed.decision.tier == ("medium" if choice == "send" else requested.decision.tier)
    assert routed.job == requested.job
    assert driven.sent[-2].topic == TOPICS.tier(routed.decision.tier).name


def test_a_job_that_was_sent_on_and_stops_again_has_a_new_case() -> None:
    driven = Driven()
    requested = opened(driven, request())
    driven.put(claim(requested))
    driven.put(decide(requested, "send", tier="medium"))
    assert driven.put(requested) == []
    assert driven.answer(claim(requested, revision=4)).refused is None
    outcome, _ = driven.put(decide(requested, revision=5))
    assert isinstance(outcome, JobCompleted)


def test_a_second_request_for_a_waiting_job_is_a_dead_letter() -> None:
    driven = Driven()
    requested = opened(driven, request())
    driven._handler.handle(record(requested, 2), driven.state)
    records, changes = driven._handler.handle(record(requested, 2), driven.state)
    assert [made.topic for made in records] == [TOPICS.dead.name]
    assert not changes


def test_late_repeated_or_wrong_commands_are_only_answered() -> None:
    driven = Driven()
    requested = opened(driven, request())
    driven.put(claim(requested))
    driven.put(decide(requested))
    sent = len(driven.sent)
    for late, why in (
        (decide(requested), ReviewRefusal.NOT_OPEN),
        (decide(requested, "reject", "ben", 3), ReviewRefusal.NOT_OPEN),
        (claim(requested, "ben", 3), ReviewRefusal.NOT_OPEN),
        (release(requested, revision=3), ReviewRefusal.NOT_OPEN),
        (claim(request(2)), ReviewRefusal.UNKNOWN_CASE),
    ):
        assert driven.answer(late).refused is why
    assert len(driven.sent) == sent + 5


class TestWho:
    @pytest.mark.parametrize(
        ("entry", "why"),
        [
            (None, ReviewRefusal.NOT_A_REVIEWER),
            (AgentEntry(id="mia", owner="x"), ReviewRefusal.NOT_A_REVIEWER),
            (AgentEntry(id="mia", owner="x", reviews=("other",)), ReviewRefusal.NOT_A_REVIEWER),
            (
                AgentEntry.model_validate(
                    {"id": "mia", "owner": "x", "reviews": "legal", "expires": "2026-03-12"}
                ),
                ReviewRefusal.NOT_A_REVIEWER,
            ),
            (AgentEntry(id="mia", owner="legal", reviews=("legal",)), ReviewRefusal.OWN_JOB),
            (AgentEntry(id="mia", owner="x", reviews=("legal",)), None),
        ],
    )
    def test_only_reviewers_of_the_queue_may_decide_and_not_their_own_jobs(
        self, entry: AgentEntry | None, why: ReviewRefusal | None
    ) -> None:
        driven = Driven(registry(*([entry] if entry else [])))
        requested = opened(driven, request())
        assert driven.answer(claim(requested, "mia")).refused is why

    def test_nobody_decides_jobs_submitted_in_their_name(self) -> None:
        agents = [
            AgentEntry(id="a", owner="ana"),
            AgentEntry(id="b", owner="x", contact="ana"),
            AgentEntry(id="ana", owner="y", reviews=("legal",)),
        ]
        driven = Driven(registry(*agents))
        for number, agent in enumerate(("a", "b", "ana")):
            requested = opened(driven, request(number, agent=agent))
            assert driven.answer(claim(requested, "ana")).refused is ReviewRefusal.OWN_JOB

    def test_reviewers_with_a_key_must_sign_with_it(self) -> None:
        key, other = PrivateKey.generate(), PrivateKey.generate()
        mia = AgentEntry(id="mia", owner="x", reviews=("legal",), public_keys=(key.public.text,))
        driven = Driven(registry(mia))
        requested = opened(driven, request())
        unsigned = record(claim(requested, "mia"), 5)
        for signer, refused in ((None, True), (other, True), (key, False)):
            answer, *_ = driven.take(_signed(unsigned, signer))
            assert (answer.refused is ReviewRefusal.SIGNATURE) is refused  # type: ignore[attr-defined]
        again, *_ = driven.take(_signed(unsigned, key))
        assert again.refused is ReviewRefusal.STALE_REVISION  # type: ignore[attr-defined]

    def test_signatures_are_required_if_the_rules_say_so(self) -> None:
        driven = Driven(registry(identity="signed"))
        requested = opened(driven, request())
        assert driven.answer(claim(requested)).refused is ReviewRefusal.SIGNATURE

    def test_the_number_of_claims_is_limited(self) -> None:
        driven = Driven()
        requests = [opened(driven, request(number, open_per_person=2)) for number in range(4)]
        refused = [driven.answer(claim(requested)).refused for requested in requests]
        assert refused == [None, None, ReviewRefusal.TOO_MANY_CLAIMS, ReviewRefusal.TOO_MANY_CLAIMS]
        driven.put(decide(requests[0]))
        assert driven.answer(claim(requests[2])).refused is None

    def test_an_expired_claim_is_not_counted(self) -> None:
        driven = Driven()
        one, two = (opened(driven, request(number, open_per_person=1, lease_s=60)) for number in (1, 2))
        driven.put(claim(one), later(1))
        assert driven.answer(claim(two), later(60.9)).refused is ReviewRefusal.TOO_MANY_CLAIMS
        assert driven.answer(claim(two), later(61)).refused is None


class TestTime:
    def test_an_expired_claim_frees_the_case(self) -> None:
        driven = Driven()
        requested = opened(driven, request(lease_s=60))
        driven.put(claim(requested), later(1))
        assert driven.due(later(60.9)) == []
        driven.due(later(61))
        assert driven.answer(claim(requested, "ben", 3)).refused is None
        assert driven.answer(decide(requested, revision=4)).refused is ReviewRefusal.CLAIMED_BY_OTHER

    def test_a_case_that_nobody_decides_is_rejected_never_approved(self) -> None:
        driven = Driven()
        requested = opened(driven, request())
        driven.put(claim(requested), later(3599))
        assert driven.answer(decide(requested), later(3600)).refused is ReviewRefusal.NOT_OPEN
        (outcome,) = driven.due(later(3600))
        assert isinstance(outcome, JobRejected)
        assert outcome.reason is Reason.NOT_APPROVED

    def test_the_next_queue_has_its_own_people_and_time(self) -> None:
        entry = AgentEntry(id="max", owner="x", reviews=("legal",))
        driven = Driven(registry(entry))
        requested = opened(driven, request(then="board", queues=[{"name": "board", "deadline_s": 60}]))
        assert driven.due(later(3600)) == []
        assert driven.answer(claim(requested, "max", 2)).refused is ReviewRefusal.NOT_A_REVIEWER
        assert driven.answer(claim(requested, "ana", 2)).refused is None
        (outcome,) = driven.due(later(3660))
        assert isinstance(outcome, JobRejected)

    def test_a_job_whose_deadline_passes_expires(self) -> None:
        driven = Driven()
        opened(driven, request(deadline=later(30)))
        (outcome,) = driven.due(later(30))
        assert isinstance(outcome, JobExpired)

    def test_a_cancelled_job_is_withdrawn(self) -> None:
        driven = Driven()
        requested = opened(driven, request())
        driven.cancellations.cancel(job_id(1), "contract-reviewer", "changed my mind")
        (outcome,) = driven.due(later(1))
        assert isinstance(outcome, JobCancelled)
        assert (outcome.cancelled_by, outcome.message) == ("contract-reviewer", "changed my mind")
        assert driven.answer(claim(requested)).refused is ReviewRefusal.NOT_OPEN

    def test_an_ended_case_is_known_for_a_while_and_then_forgotten(self) -> None:
        driven = Driven()
        requested = opened(driven, request())
        driven.put(claim(requested))
        driven.put(decide(requested), later(1))
        assert set(driven.state) == {f"case/{job_id(1)}".encode()}
        driven.restart()
        driven.due(later(1) + KEPT)
        assert set(driven.state) == {f"case/{job_id(1)}".encode()}
        driven.due(later(2) + KEPT)
        assert driven.state == {}
        assert driven.answer(claim(requested)).refused is ReviewRefusal.UNKNOWN_CASE


def test_a_thousand_cases_that_end_at_once_end_in_portions() -> None:
    driven = Driven()
    for number in range(1000):
        opened(driven, request(number))
    assert len(driven.due(later(3600))) == 1000
    assert not driven.due(later(3601))


def test_a_case_that_cannot_be_ended_does_not_block_others() -> None:
    driven = Driven()
    for number in range(3):
        opened(driven, request(number))
    driven.state[f"request/{job_id(1)}".encode()] = b"{}"
    assert len(driven.due(later(3600))) == 2


def test_why_a_case_cannot_be_ended_is_logged_once_for_each_cause(caplog: pytest.LogCaptureFixture) -> None:
    driven = Driven()
    opened(driven, request())
    (key,) = (key for key in driven.state if key.startswith(b"request/"))
    whole = driven.state[key]
    logged = []
    for second, value in enumerate((b"{}", b"{}", b"[]", b"[]", b"{}")):
        driven.state[key] = value
        assert driven.due(later(3600 + second)) == []
        logged.append(len(caplog.records))
    assert logged == [1, 1, 2, 2, 3]
    driven.state[key] = whole
    assert len(driven.due(later(3605))) == 1


@pytest.mark.parametrize(
    "value", [b"", b"{}", b'{"type": "job.cancel.v1"}', b"\xff", b'{"type": "review.claim.v1"}']
)
def test_an_unreadable_record_is_a_dead_letter(value: bytes) -> None:
    driven = Driven()
    driven._handler.handle(record(request(), 1), driven.state)
    incoming = Incoming(TOPICS.reviews_decided.name, 0, 7, 0, b"k", value, ())
    records, changes = driven._handler.handle(incoming, driven.state)
    assert [made.topic for made in records] == [TOPICS.dead.name]
    assert not changes


def test_a_request_that_cannot_be_read_ends_its_job_as_any_record_that_is_given_up() -> None:
    driven = Driven()
    whole = record(request(), 1)
    for value in (b"{}", value_of(request()).replace(b'"review":{', b'"review":{"x":1,')):
        incoming = Incoming(whole.topic, 0, 7, 0, whole.key, value, whole.headers)
        with pytest.raises(ValueError):
            driven.take(incoming)


def _signed(incoming: Incoming, key: PrivateKey | None) -> Incoming:
    from pointsman.bus.codec.records import Outgoing

    if key is None:
        return incoming
    made = sign(Outgoing(incoming.topic, incoming.key, incoming.value, list(incoming.headers)), key)
    return Incoming(
        incoming.topic, 0, incoming.offset, incoming.timestamp_ms, made.key, made.value, tuple(made.headers),
        by_broker=True,
    )  # fmt: skip


#: What a choice needs besides.
FIELDS: dict[str, dict[str, Any]] = {"edit": {"response": edited()}, "send": {"tier": "small"}}
STEPS = st.tuples(
    st.integers(0, 4),
    st.sampled_from(PEOPLE),
    st.sampled_from(
        ["claim", "claim", "approve", "approve", "reject", "edit", "send", "release", "due", "restart"]
    ),
    st.integers(0, 12),
    st.integers(0, 700),
)


@given(st.lists(STEPS, max_size=120), st.sampled_from([1, 2]))
@settings(max_examples=200, deadline=None)
def test_every_case_ends_exactly_once(steps: list[Any], people: int) -> None:
    """Random people, double clicks, old revisions, restarts and expiries."""
    driven = Driven()
    requests = [opened(driven, request(number, people=people, lease_s=300)) for number in range(5)]
    at, commands = NOW, 0
    for number, by, do, revision, seconds in steps:
        at = later((at - NOW).total_seconds() + seconds / 100)
        requested = requests[number]
        match do:
            case "due":
                driven.due(at)
            case "restart":
                driven.restart()
            case "claim":
                commands += 1
                driven.put(claim(requested, by, max(1, revision)), at)
            case "release":
                commands += 1
                driven.put(release(requested, by, max(1, revision)), at)
            case choice:
                commands += 1
                of = FIELDS.get(choice, {})
                driven.put(decide(requested, choice, by, max(1, revision), **of), at)
    driven.due(later(100_000))
    sent = [json.loads(made.value or b"") for made in driven.sent]
    assert sum(made["type"] == "review.answered.v1" for made in sent) == commands
    ended = [
        made.get("job_id") or made["job"]["job_id"] for made in sent if made["type"] != "review.answered.v1"
    ]
    assert sorted(ended) == sorted(str(job_id(number)) for number in range(5))
