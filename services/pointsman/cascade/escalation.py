"""A routed job in a cascade: the request for its tier, and the job for the next one; pure."""

from decimal import Decimal

from pointsman.cascade.judge import Judged
from pointsman_schemas.cascades import CascadePlan, CascadeStep
from pointsman_schemas.decisions import Check, Choice, Decision, Score
from pointsman_schemas.jobs import ChatRequest, Job, JobRouted
from pointsman_schemas.outcomes import JobCompleted, WorkerOutcome
from pointsman_schemas.reasons import StepReason

#: The rule of a decision that a cascade has made.
CASCADE = "cascade"


def asked_of(routed: JobRouted, tier: str) -> Job:
    """Return the job to send to the provider; it requests logprobs if these judge the answer."""
    job, plan, review = routed.job, routed.decision.cascade, routed.decision.review
    judges = plan is not None and plan.accept == "logprob" and tier in plan.tiers[:-1]
    asks = review is not None and any(threshold.source == "logprob" for threshold in review.thresholds)
    if not judges and not asks:
        return job
    extra = {**(job.request.__pydantic_extra__ or {}), "logprobs": True}
    return job.model_copy(update={"request": ChatRequest(messages=job.request.messages, **extra)})


def escalate(routed: JobRouted, step: CascadeStep, tier: str) -> JobRouted:
    """Return the job for `tier`, with the steps of the lower tiers."""
    before = routed.decision
    decision = Decision(
        tier=tier,
        rule=CASCADE,
        reason=_reason(step, tier),
        policy_version=before.policy_version,
        runner_up=Choice(tier=step.tier, rule=before.rule, reason="It was asked, and that did not suffice."),
        score=_score(before.cascade, step),
        open_tiers=before.open_tiers,
        cascade=before.cascade,
        review=before.review,
        checks=(*before.checks, step_check(step)),
    )
    return JobRouted(job=routed.job, decision=decision, steps=(*routed.steps, step))


def with_cascade(outcome: WorkerOutcome, routed: JobRouted, judged: Judged | None) -> WorkerOutcome:
    """Return the outcome with the calls of lower tiers included, and the steps without their evidence.

    If no cascade judged the answer, a completed outcome gets the routing decision's score.
    """
    steps = routed.steps if judged is None else (*routed.steps, judged.step)
    if not steps:
        promised = routed.decision.score if routed.decision.cascade is None else None
        completed = promised is not None and isinstance(outcome, JobCompleted)
        return outcome.model_copy(update={"score": promised}) if completed else outcome
    costs = [outcome.cost_usd, *(step.cost_usd for step in routed.steps)]
    known_costs = [cost for cost in costs if cost is not None]
    return outcome.model_copy(
        update={
            "attempts": outcome.attempts + sum(step.attempts for step in routed.steps),
            "cost_usd": sum(known_costs, Decimal(0)) if len(known_costs) == len(costs) else None,
            "cascade": tuple(step.model_copy(update={"evidence": None}) for step in steps),
        }
    )


def step_check(step: CascadeStep) -> Check:
    """Return the step as a check of the trace."""
    return Check(layer="confidence", name=step.tier, passed=step.accepted, detail=step.detail)


def _reason(step: CascadeStep, tier: str) -> str:
    match step.reason:
        case StepReason.COMPARED_LATER:
            return f"{tier} is asked too, so that its answer can be held against {step.tier}'s."
        case StepReason.FAILED:
            return f"{step.tier} gave no answer ({step.detail}), so {tier} is asked."
        case _:
            return f"{step.tier}'s answer fell short ({step.detail}), so {tier} is asked."


def _score(plan: CascadePlan | None, step: CascadeStep) -> Score | None:
    if plan is None or step.confidence is None or step.threshold is None:
        return None
    model = f"{plan.model.name}@{plan.model.version}" if plan.model else plan.accept
    return Score(model=model, sufficient=step.confidence, threshold=step.threshold)
