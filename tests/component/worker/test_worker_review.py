"""An answer with too little confidence goes to a person with everything needed, over real HTTP."""

import json
from decimal import Decimal
from math import log
from typing import Any

import pytest

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Outgoing
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.control.review_plans import ReviewPlan, ReviewQueue, ReviewThreshold
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reviews import ReviewRequested
from pointsman_schemas.topics import Topics
from tests.support.worker.cascades import TIERS, as_read, plan, response
from tests.support.worker.routed_jobs import (
    AGENT,
    DECISION,
    NOW,
    calls,
    header,
    job_id,
    messages,
    outcome,
    routed,
)
from tests.support.worker.tiny_provider import http, tiny_provider
from tests.support.worker.working import Worker, in_turn, provider_of, working


def holding(source: str, above: str = "0.95") -> ReviewPlan:
    threshold = ReviewThreshold.model_validate(
        {"name": "sure", "of": "answer", "source": source, "above": above, "queue": "general"}
    )
    return ReviewPlan(
        tiers=TIERS, thresholds=(threshold,), queues=(ReviewQueue(name="general", deadline_s=60),)
    )


def decision(review: ReviewPlan, **fields: Any) -> Any:
    return DECISION.model_copy(update={"review": review, **fields})


def states(confidence: str) -> bytes:
    """An answer that states its confidence, as written in the JSON."""
    return http(body=response(f'{{"clause": "allowed", "confidence": {confidence}}}'))


def case_of(records: list[Outgoing]) -> ReviewRequested:
    """The case; there must be neither an outcome nor an escalated job."""
    sent_messages = messages(records)
    assert [type(message) for message in sent_messages[:-1]] == [CallFinished] * (len(sent_messages) - 1)
    assert records[-1].topic == Topics().review.name
    case = sent_messages[-1]
    assert isinstance(case, ReviewRequested)
    return case


@pytest.mark.parametrize(
    ("confidence", "value", "detail"),
    [
        ("0.94", "0.94", "0.94 < 0.95"),
        ("0.9499999999999999999999", "0.9499999999999999999999", "0.9499999999999999999999 < 0.95"),
        ("0.95", "0.95", "0.95 = 0.95, must exceed it"),
        ("0.950", "0.950", "0.950 = 0.95, must exceed it"),
        ("1.01", "1.01", "the confidence is not from 0 to 1"),
        ("NaN", "NaN", "the confidence is not a number"),
        ("true", "true", "a truth value is no confidence"),
        ('"0.99"', None, "the answer's `confidence` is a text, not a number"),
        ("null", None, "the answer states no `confidence`"),
    ],
)
async def test_an_answer_that_is_not_sure_enough_is_a_case(
    confidence: str, value: str | None, detail: str
) -> None:
    async with working(in_turn(states(confidence))) as (_, worker):
        records = await worker.do(decision=decision(holding("stated")))
        again = await worker.do(decision=decision(holding("stated")))
    case = case_of(records)
    assert (case.stop.rule, case.stop.of, case.stop.source) == ("sure", "answer", "stated")
    assert (case.stop.value, case.stop.threshold, case.stop.detail) == (value, Decimal("0.95"), detail)
    assert case.queue == "general"
    assert (len(calls(records)), case.attempts) == (1, 1)
    assert case.cost_usd is not None
    assert case.cost_usd == calls(records)[0].cost_usd
    assert (case.decision.checks[-1].layer, case.decision.checks[-1].detail) == (
        "confidence",
        f"stated: {detail}",
    )
    assert records[-1].key == str(job_id(1)).encode()
    assert header(records[-1], "ce_id") == header(again[-1], "ce_id")  # a repeat is recognised
    assert header(records[-1], "ce_causationid") == str(job_id(1))


async def test_the_proposal_is_the_outcome_that_would_have_been_written() -> None:
    async with working(in_turn(states("0.94"))) as (_, worker):
        case = case_of(await worker.do(decision=decision(holding("stated"))))
        done = outcome(await worker.do(decision=decision(holding("stated", "0.93"))))
    assert isinstance(done, JobCompleted)
    assert case.proposed is not None
    differ = {"confidence", "provider_ms"}  # thresholds and calls differ
    assert case.proposed.model_dump(exclude=differ) == done.model_dump(exclude=differ)
    assert [check.passed for check in case.proposed.confidence] == [False]
    assert [(check.passed, check.detail) for check in done.confidence] == [(True, "stated: 0.94 > 0.93")]


async def test_a_job_without_a_plan_ends_as_it_always_did() -> None:
    async with working(in_turn(states("0.1"))) as (_, worker):
        done = outcome(await worker.do())
    assert isinstance(done, JobCompleted)
    assert "confidence" not in done.model_dump(mode="json")


async def test_a_plan_for_routing_does_not_apply_to_answers() -> None:
    routing = holding("stated").thresholds[0].model_copy(update={"of": "routing", "source": "score"})
    review = holding("stated").model_copy(update={"thresholds": (routing,)})
    async with working(in_turn(states("0.1"))) as (_, worker):
        assert isinstance(outcome(await worker.do(decision=decision(review))), JobCompleted)


async def test_a_failed_job_is_not_a_case() -> None:
    async with working(in_turn(http(400, {"error": "no"}))) as (_, worker):
        assert isinstance(outcome(await worker.do(decision=decision(holding("stated")))), JobFailed)


async def test_the_provider_is_asked_for_the_probabilities_that_a_threshold_needs() -> None:
    likely, unlikely = (http(body=response("4", logprobs=[log(share)])) for share in (0.97, 0.94))
    async with working(in_turn(likely, unlikely, http(body=response("4")), likely)) as (tiny, worker):
        review = decision(holding("logprob"))
        assert isinstance(outcome(await worker.do(1, decision=review)), JobCompleted)
        assert case_of(await worker.do(2, decision=review)).stop.detail.endswith(" < 0.95")
        assert case_of(await worker.do(3, decision=review)).stop.value is None
        await worker.do(4, decision=decision(holding("stated")))
    assert [asked.json.get("logprobs") for asked in tiny.asked] == [True, True, True, None]


async def test_samples_that_differ_are_a_case() -> None:
    texts = ["41", "The answer is 41.", "42"]
    body = {**response("41"), "choices": [response(text)["choices"][0] for text in texts]}
    async with working(in_turn(http(body=body))) as (_, worker):
        case = case_of(await worker.do(decision=decision(holding("agreement", "0.7")), n=3))
        done = outcome(await worker.do(decision=decision(holding("agreement", "0.66")), n=3))
    assert (case.stop.value, case.stop.detail) == ("2/3", "2/3 < 0.7")
    assert isinstance(done, JobCompleted)


async def test_a_cascade_keeps_the_plan_on_its_way_up_and_ends_as_a_case() -> None:
    cascade = plan("agreement", tiers=("small", "frontier"))
    asked = decision(holding("stated"), cascade=cascade)
    answers = in_turn(states("0.99"), states("0.94"))
    async with tiny_provider(answers) as tiny, provider_of(tiny) as provider:
        first = await Worker(provider, "small").handler(routed(decision=asked))
        (up,) = [record for record in first if ".jobs.tier." in record.topic]
        case = case_of(await Worker(provider, "frontier").handler(as_read(up)))
    (sent,) = [message for message in messages(first) if isinstance(message, JobRouted)]
    assert sent.decision.review == asked.review
    assert (case.decision.tier, case.stop.detail) == ("frontier", "0.94 < 0.95")
    assert [(step.tier, step.attempts) for step in case.steps] == [("small", 1), ("frontier", 1)]
    assert case.proposed is not None
    assert (case.attempts, case.proposed.attempts, len(case.proposed.cascade)) == (2, 2, 1)


async def test_a_verifiers_verdict_is_compared_with_the_threshold() -> None:
    cascade = plan("logprob", threshold=0.9)
    likely = http(body=response(json.dumps({"x": 1}), logprobs=[log(0.99)]))
    async with working(in_turn(likely)) as (_, worker):
        case = case_of(await worker.do(decision=decision(holding("verifier"), cascade=cascade)))
    assert case.stop.value is None
    assert "no verifier model judged the answer" in case.stop.detail


async def test_the_outcome_includes_the_cost_of_answers_sent_to_another_tier() -> None:
    review = holding("stated")
    async with tiny_provider(in_turn(states("0.94"), states("0.99"))) as tiny, provider_of(tiny) as provider:
        first = await Worker(provider, "small").handler(routed(decision=decision(review)))
        case = case_of(first)
        sent = JobRouted(job=case.job, decision=case.decision, steps=case.steps)
        cover = first_envelope(
            job_id(5), source="test", type=sent.TYPE, time=NOW, agent_id=AGENT, job_id=job_id(1)
        )
        made = emit(Topics().tier("frontier"), case.job.key, cover, sent)
        second = await Worker(provider, "frontier").handler(as_read(made))
    done = outcome(second)
    assert isinstance(done, JobCompleted)
    assert (done.attempts, [step.tier for step in done.cascade]) == (2, ["small"])
    costs = [call.cost_usd for call in (*calls(first), *calls(second)) if call.cost_usd is not None]
    assert done.cost_usd == sum(costs, Decimal(0)) > 0
