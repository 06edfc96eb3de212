"""A decision recomputed from the audit database is byte-identical, and differences are reported."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from pointsman.router.policy.checks import check_of
from pointsman.router.policy.policy import decide
from pointsman.router.policy.recompute import canonical, decide_again, difference
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job, JobRouted
from tests.support.router.fixed_score import fixed_score
from tests.support.router.scored_policy import scored_policy
from tests.unit.router.policy.test_policy import POLICY, job, jobs, open_tiers

ADMISSION = (check_of("admission", "agent", True, "a is registered, owner is finance"),)


def on_record(asked: Job, made: Decision) -> tuple[Job, Decision, bytes]:
    """Decoded from the router's message, like the audit database returns it."""
    value = JobRouted(job=asked, decision=made).model_dump_json()
    routed = JobRouted.model_validate_json(value)
    return routed.job, routed.decision, canonical(json.loads(value)["decision"])


@given(jobs, open_tiers)
def test_any_recomputed_decision_is_byte_identical(asked: Job, allowed: set[str] | None) -> None:
    made = decide(POLICY, asked, allowed=allowed, earlier=ADMISSION)
    job_read, made_read, recorded = on_record(asked, made)
    assert canonical(decide_again(POLICY, job_read, made_read)) == recorded


@pytest.mark.parametrize("first_word", ["easy", "hard", "foreign"])
def test_any_recomputed_scored_decision_is_byte_identical(first_word: str) -> None:
    says = {"easy": (1 / 3, 2 / 3, 1.0), "hard": (0.1, 0.1, 1.0), "foreign": (0.9, 0.9, 0.1)}
    policy = scored_policy(fixed_score(says))
    made = decide(policy, job(first_word), allowed=("small", "frontier"), earlier=ADMISSION)
    job_read, made_read, recorded = on_record(job(first_word), made)
    assert canonical(decide_again(policy, job_read, made_read)) == recorded


def test_the_agents_tiers_at_decision_time_are_used() -> None:
    made = decide(POLICY, job("x" * 100), allowed=("small", "medium"))
    assert decide_again(POLICY, job("x" * 100), made).tier == "medium"


def test_another_score_is_a_difference_that_is_shown() -> None:
    before = scored_policy(fixed_score({"x": (0.75, 0.5, 1.0)}))
    after = replace(before, scorer=scored_policy(fixed_score({"x": (0.25, 0.5, 1.0)})).scorer)
    made = decide(before, job("x"))
    recorded, again = canonical(made), canonical(decide_again(after, job("x"), made))
    lines = difference(recorded, again)
    assert lines[:2] == ["--- on record", "+++ decided again"]
    assert any(line.startswith("-") and "0.7500" in line for line in lines)
    assert any(line.startswith("+") and "0.2500" in line for line in lines)
    assert difference(recorded, recorded) == ()


def test_canonical_json_ignores_order_and_spaces() -> None:
    assert canonical({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'.encode()
