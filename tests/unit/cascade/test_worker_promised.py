"""The score's prediction stays with the answer if the score chose the tier."""

import json

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.cascade.escalation import with_cascade
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.decisions import Score
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted, JobFailed, WorkerOutcome
from pointsman_schemas.reasons import FailReason
from tests.support.worker.cascades import plan, response
from tests.support.worker.routed_jobs import AGENT, DECISION, job_id, routed

SCORE = Score(model="general@3f2a9c1d0b7e", sufficient=0.97, threshold=0.94)
ANSWERED = JobCompleted(
    job_id=job_id(1), agent_id=AGENT, tier="small", attempts=1, cost_usd=None, provider="p", model="m",
    usage=None, response=response("42"),
)  # fmt: skip
FAILED = JobFailed(
    job_id=job_id(1), agent_id=AGENT, tier="small", attempts=1, cost_usd=None, reason=FailReason.INTERNAL,
    message="no",
)  # fmt: skip


def ended(outcome: WorkerOutcome, score: Score | None, cascade: CascadePlan | None = None) -> WorkerOutcome:
    read = decode(routed(decision=DECISION.model_copy(update={"score": score, "cascade": cascade})))
    assert isinstance(read, Decoded) and isinstance(read.message, JobRouted)
    return with_cascade(outcome, read.message, None)


def test_a_scored_answer_has_its_prediction() -> None:
    outcome = ended(ANSWERED, SCORE)
    assert isinstance(outcome, JobCompleted)
    assert outcome.score == SCORE


@pytest.mark.parametrize(
    ("outcome", "score", "cascade"),
    [(ANSWERED, None, None), (ANSWERED, SCORE, plan("answer")), (FAILED, SCORE, None)],
)
def test_other_answers_have_no_prediction(
    outcome: WorkerOutcome, score: Score | None, cascade: CascadePlan | None
) -> None:
    result = ended(outcome, score, cascade)
    assert result == outcome
    assert "score" not in json.loads(result.model_dump_json())
