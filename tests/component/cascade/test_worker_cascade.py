"""A cascade over real HTTP: every call is recorded, and there is one outcome."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from math import log
from typing import Any

import pytest

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.runtime.clock import utc_now
from pointsman.worker.providers import Provider
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected
from pointsman_schemas.reasons import Reason
from tests.support.worker.cascades import TIERS, as_read, plan, response
from tests.support.worker.routed_jobs import AGENT, DECISION, calls, header, job_id, messages, outcome, routed
from tests.support.worker.tiny_provider import Tiny, http, tiny_provider
from tests.support.worker.working import Worker, in_turn, provider_of

AGREEMENT = plan("agreement")
LIKELY = plan("logprob", threshold=0.9)
MODELS = dict(zip(TIERS, ("gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1"), strict=True))


class Ladder:
    """A worker for each tier, all of one provider."""

    def __init__(self, tiny: Tiny, provider: Provider, **tier: Any) -> None:
        self.tiny = tiny
        self.passed = timedelta(0)
        self.workers = {
            name: Worker(provider, name, model=model, clock=self._now, **tier)
            for name, model in MODELS.items()
        }

    def _now(self) -> datetime:
        return utc_now() + self.passed

    async def begin(self, cascade: CascadePlan | None, **fields: object) -> list[Outgoing]:
        """The small tier's result for a job with this plan."""
        decision = DECISION.model_copy(update={"cascade": cascade})
        return await self.workers["small"].handler(routed(decision=decision, **fields))  # type: ignore[arg-type]

    async def goes_on(self, before: list[Outgoing]) -> list[Outgoing]:
        """The next tier's result for the job that `before` escalated."""
        (up,) = ups(before)
        return await self.workers[up.topic.rpartition(".")[2]].handler(up)


def ups(records: list[Outgoing]) -> list[Incoming]:
    return [as_read(record, 7) for record in records if ".jobs.tier." in record.topic]


@asynccontextmanager
async def trace(*answers: bytes, **tier: object) -> AsyncIterator[Ladder]:
    async with tiny_provider(in_turn(*answers)) as tiny, provider_of(tiny) as provider:
        yield Ladder(tiny, provider, **tier)


def says(text: str, **fields: object) -> bytes:
    return http(body=response(text, **fields))  # type: ignore[arg-type]


async def test_answers_that_agree_end_the_job_on_the_second_tier() -> None:
    async with trace(says("41"), says("The answer is 41.")) as system:
        first = await system.begin(AGREEMENT)
        second = await system.goes_on(first)
    done = outcome(second)
    assert isinstance(done, JobCompleted)
    assert (done.tier, [step.tier for step in done.cascade]) == ("medium", ["small", "medium"])
    assert done.cascade[-1].detail == "small and medium say `41`"
    assert all(step.evidence is None for step in done.cascade)
    assert not ups(second)


async def test_the_outcome_has_the_cost_of_all_tiers_once() -> None:
    async with trace(says("41"), says("42"), says("43")) as system:
        first = await system.begin(AGREEMENT)
        second = await system.goes_on(first)
        third = await system.goes_on(second)
    assert not any("jobs.results" in record.topic for record in (*first, *second))
    made = [call for records in (first, second, third) for call in calls(records)]
    assert [(call.tier, call.attempt) for call in made] == [(tier, 1) for tier in TIERS]
    done = outcome(third)
    assert isinstance(done, JobCompleted)
    assert (done.tier, done.attempts) == ("frontier", 3)
    assert done.response["choices"][0]["message"]["content"] == "43"
    assert done.cost_usd == sum((call.cost_usd for call in made if call.cost_usd), Decimal(0)) > 0
    assert [step.accepted for step in done.cascade] == [False, False]


async def test_an_agent_without_money_is_rejected_on_the_first_tier() -> None:
    entry = AgentEntry.model_validate({"id": AGENT, "owner": "x", "budget": {"usd_per_job": 1e-9}})
    async with trace(says("41"), entries=lambda _: entry) as system:
        first = await system.begin(AGREEMENT)
    rejected = outcome(first)
    assert isinstance(rejected, JobRejected)
    assert (rejected.reason, rejected.tier, rejected.attempts) == (Reason.OVER_BUDGET, "small", 0)
    assert not ups(first)
    assert system.tiny.asked == []


async def test_one_unknown_price_makes_the_whole_cost_unknown() -> None:
    unpriced = {**response("41"), "usage": None}
    async with trace(http(body=unpriced), says("42"), says("43")) as system:
        done = outcome(await system.goes_on(await system.goes_on(await system.begin(AGREEMENT))))
    assert isinstance(done, JobCompleted)
    assert (done.attempts, done.cost_usd) == (3, None)


async def test_a_call_of_unknown_cost_counts_with_its_maximum_on_the_next_tiers() -> None:
    """500 tokens of an answer cost $0.0002 on the first tier and $0.0008 on the second."""
    entry = AgentEntry.model_validate({"id": AGENT, "owner": "x", "budget": {"usd_per_job": 0.0009}})
    unpriced = {**response("41"), "usage": None}
    async with trace(http(body=unpriced), says("41"), says("41"), entries=lambda _: entry) as system:
        first = await system.begin(AGREEMENT, max_tokens=500)
        failed = outcome(await system.goes_on(await system.goes_on(first)))
    assert isinstance(failed, JobFailed)
    assert (failed.limit, failed.attempts, len(system.tiny.asked)) == ("usd_per_job", 1, 1)
    (step, *_) = failed.cascade
    assert step.cost_usd is None and step.most_usd is not None and step.most_usd > Decimal("0.0002")


async def test_an_escalated_job_carries_its_decision_and_the_reason() -> None:
    async with trace(says("42", logprobs=[log(0.81)])) as system:
        first = await system.begin(LIKELY)
        again = await system.begin(LIKELY)
    (up,) = [message for message in messages(first) if isinstance(message, JobRouted)]
    assert (up.decision.tier, up.decision.rule) == ("medium", "cascade")
    assert (up.decision.checks[-1].layer, up.decision.checks[-1].detail) == ("confidence", "0.8100 < 0.9000")
    assert up.decision.score is not None
    assert (up.decision.score.model, up.decision.score.threshold) == ("logprob", 0.9)
    assert up.decision.cascade == LIKELY
    assert up.steps[0].attempts == 1
    sent = first[-1]
    assert sent.key == str(job_id(1)).encode()
    assert header(sent, "ce_id") == header(again[-1], "ce_id")  # a repeat is recognised
    assert header(sent, "ce_causationid") == str(job_id(1))


async def test_the_provider_is_asked_for_probabilities_only_where_they_judge() -> None:
    async with trace(says("42", logprobs=[log(0.5)])) as system:
        second = await system.goes_on(await system.begin(LIKELY))
        await system.goes_on(second)
        await system.begin(None)
    logprobs = [asked.json.get("logprobs") for asked in system.tiny.asked]
    assert logprobs == [True, True, None, None]
    (up,) = [message for message in messages(second) if isinstance(message, JobRouted)]
    assert "logprobs" not in up.job.request.model_dump()  # we asked for it, not the agent


async def test_a_failing_tier_escalates_the_job() -> None:
    async with trace(http(500, {"error": "x"}), http(500, {"error": "x"}), says("42"), attempts=2) as system:
        first = await system.begin(LIKELY)
        third = await system.goes_on([*first])
    assert len(calls(first)) == 2
    (up,) = [message for message in messages(first) if isinstance(message, JobRouted)]
    assert up.steps[0].reason == "failed"
    assert len(ups(third)) == 1  # medium's answer has no probabilities either


async def test_a_failing_tier_ends_the_job_if_the_policy_says_so() -> None:
    ends = plan("logprob", threshold=0.9, on_failure="end")
    async with trace(http(500, {"error": "x"}), attempts=1) as system:
        first = await system.begin(ends)
    assert isinstance(outcome(first), JobFailed)


async def test_cancelled_between_two_tiers_the_next_is_not_called() -> None:
    async with trace(says("42")) as system:
        first = await system.begin(LIKELY)
        system.workers["medium"].cancellations.cancel(job_id(1), "boss", "enough")
        second = await system.goes_on(first)
    done = outcome(second)
    assert isinstance(done, JobCancelled)
    assert (done.tier, done.attempts, len(system.tiny.asked)) == ("medium", 1, 1)
    assert done.cost_usd == calls(first)[0].cost_usd
    assert [step.tier for step in done.cascade] == ["small"]


async def test_when_the_deadline_passes_between_two_tiers_the_next_is_not_called() -> None:
    deadline = utc_now() + timedelta(minutes=1)
    async with trace(says("42")) as system:
        first = await system.begin(LIKELY, deadline=deadline)
        system.passed = timedelta(minutes=2)
        second = await system.goes_on(first)
    done = outcome(second)
    assert isinstance(done, JobExpired)
    assert (done.attempts, len(system.tiny.asked)) == (1, 1)


@pytest.mark.parametrize("cascade", [None, plan("answer", tiers=("medium", "frontier"))])
async def test_without_a_plan_for_its_tier_every_answer_is_accepted(cascade: CascadePlan) -> None:
    async with trace(says("", finish="length")) as system:
        first = await system.begin(cascade)
    done = outcome(first)
    assert isinstance(done, JobCompleted)
    assert "cascade" not in done.model_dump(mode="json")
    assert (done.attempts, len(first)) == (1, 2)
