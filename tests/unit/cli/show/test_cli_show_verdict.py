"""Display of `why`: what decided, what refused, and the result."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from pointsman.cli.show.decisions.verdict import Verdict, verdict
from pointsman.store.ask.answers import Ended
from pointsman_schemas.decisions import Check
from pointsman_schemas.reviews import ReviewChanged
from tests.support.bus.example_records import story as records_of
from tests.support.bus.example_records import story_id
from tests.support.review.cases import case, request
from tests.unit.cli.show.test_cli_show_decision import MADE
from tests.unit.cli.show.test_cli_show_story import START, state, steps_of


def ended(**changes: Any) -> Ended:
    fields: dict[str, Any] = {
        "job_id": story_id(1), "at": START, "kind": "job.completed.v1", "agent_id": "billing",
        "status": "completed", "error_type": None, "tier": "small", "provider": "p", "model": "m1",
        "attempts": 1, "cost_usd": None, "message": None,
        "payload": {"response": {"choices": [{"message": {"content": "Twelve."}}]}}, **changes,
    }  # fmt: skip
    return Ended(**fields)


REJECTED = ended(
    kind="job.rejected.v1", status="rejected", error_type="agent_not_allowed", payload=None, attempts=0,
    message="agent `a` is not registered; have it added to agents.yaml",
)  # fmt: skip
SUBMITTED = steps_of(records_of(1, START))[0]
DUPLICATE = replace(SUBMITTED, kind="job.dead.v1", error_type="duplicate_job", topic="p.jobs.dead")


def said(explained: Verdict, width: int = 100) -> str:
    screen = Console(file=StringIO(), width=width, markup=False)
    screen.print(verdict(explained))
    return " ".join(screen.file.getvalue().split())  # type: ignore[attr-defined]


def test_a_routed_job_shows_its_checks_and_outcome() -> None:
    text = said(Verdict(state(), MADE, "default", ended(), [SUBMITTED]))
    assert text.index("412 characters <= 2000") < text.index("runner-up") < text.index("outcome")
    assert "policy default p-3f2a9c1d0b7e" in text
    assert text.endswith("outcome completed by m1, 1 call, cost unknown: Twelve.")


def test_a_suspended_score_is_shown_with_the_command_to_trust_it() -> None:
    doubted = Check(layer="score", name="promise", passed=False, detail="it promises too much")
    made = MADE.model_copy(update={"checks": (*MADE.checks, doubted)})
    assert "pointsman policy trust" in said(Verdict(state(), made, "default", ended(), []))
    assert "pointsman policy trust" not in said(Verdict(state(), MADE, "default", ended(), []))


def test_the_name_of_another_policy_file_is_not_shown() -> None:
    assert "policy p-3f2a9c1d0b7e" in said(Verdict(state(), MADE, None, ended(), []))


def test_a_rejected_job_shows_the_reason_and_a_remedy() -> None:
    dead = replace(DUPLICATE, error_type="agent_not_allowed")
    text = said(Verdict(state(state="rejected"), None, None, REJECTED, [SUBMITTED, dead]))
    assert "rejected before a tier was chosen (agent_not_allowed): agent `a` is not registered" in text
    assert "agents.yaml" in text
    assert "dead letter" not in text, "the outcome says the same"


def test_a_dead_letter_without_an_outcome_is_shown() -> None:
    text = said(Verdict(state(), MADE, None, ended(), [SUBMITTED, DUPLICATE]))
    assert "dead letter duplicate_job p.jobs.dead/0@1" in text


def test_a_failure_after_routing_says_what_it_cost() -> None:
    failed = ended(kind="job.failed.v1", status="failed", error_type="timeout", attempts=3, message="gave up")
    assert "failed (timeout), 3 calls, cost unknown: gave up" in said(
        Verdict(state(), MADE, None, failed, [])
    )


@pytest.mark.parametrize("decision", [None, MADE])
def test_a_running_job_shows_where_to_look(decision: Any) -> None:
    text = said(Verdict(state(state="submitted"), decision, None, None, [SUBMITTED]))
    assert "pointsman lag" in text
    assert ("none on record yet" in text) is (decision is None)


def test_a_job_that_waits_for_a_person_points_to_its_case() -> None:
    waiting = case(request())
    step = replace(SUBMITTED, kind=ReviewChanged.TYPE, payload=waiting.model_dump(mode="json"))
    text = said(Verdict(state(state="routed"), MADE, None, None, [SUBMITTED, step]))
    assert f"none yet; it waits for a person: pointsman review show {waiting.job_id}" in text
    assert "pointsman lag" not in text
    decided = waiting.model_copy(update={"status": "sent", "revision": 3})
    sent_on = replace(step, payload=decided.model_dump(mode="json"))
    assert "pointsman lag" in said(Verdict(state(state="routed"), MADE, None, None, [step, sent_on]))
