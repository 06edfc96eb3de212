"""Only answers that are accepted in any case are streamed."""

from decimal import Decimal
from typing import Any

import pytest

from pointsman.worker.calls.streamable import is_streamable
from pointsman.worker.providers_file import TierRow
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.control.review_plans import ReviewPlan, ReviewQueue, ReviewThreshold
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job, JobRouted
from tests.support.worker.routed_jobs import AGENT, DECISION, job_id

CASCADE = CascadePlan(tiers=("small", "frontier"), accept="answer", on_failure="up")


def review(of: Any, source: Any) -> ReviewPlan:
    threshold = ReviewThreshold(name="r", of=of, source=source, above=Decimal("0.9"), queue="q")
    return ReviewPlan(
        tiers=("small",), thresholds=(threshold,), queues=(ReviewQueue(name="q", deadline_s=60),)
    )


def asked(
    decision: Decision = DECISION, *, tier: str = "small", hedge: Any = None, **request: object
) -> bool:
    request = {"messages": [{"role": "user", "content": "?"}], "stream": True, **request}
    job = Job.model_validate({"job_id": job_id(1), "agent_id": AGENT, "request": request})
    row = TierRow.model_validate({"provider": "p", "model": "m", "hedge": hedge})
    return is_streamable(JobRouted(job=job, decision=decision), tier, row)


@pytest.mark.parametrize("value", [False, None, "true", 1])
def test_only_where_the_job_asks_for_it(value: object) -> None:
    assert asked()
    assert not asked(stream=value)


def test_not_where_a_cascade_judges_it() -> None:
    decision = DECISION.model_copy(update={"cascade": CASCADE})
    assert not asked(decision)
    assert asked(decision, tier="frontier"), "the last tier's answer is kept as it is"


def test_not_where_a_person_may_be_asked_first() -> None:
    assert not asked(DECISION.model_copy(update={"review": review("answer", "logprob")}))
    assert asked(DECISION.model_copy(update={"review": review("routing", "score")}))


def test_not_where_two_calls_are_made_of_one() -> None:
    assert not asked(hedge={"after_s": 1})
