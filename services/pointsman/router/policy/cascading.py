"""Where a job begins that is to be done by a cascade."""

from collections.abc import Collection
from typing import assert_never

from pointsman.router.policy.checks import check_of
from pointsman_schemas.cascades import CascadePlan
from pointsman_schemas.decisions import Check
from pointsman_schemas.jobs import Job

NAME = "cascade"


def begin(
    plan: CascadePlan, job: Job, allowed: Collection[str] | None
) -> tuple[str, CascadePlan | None, Check]:
    """The first tier with the plan; else the last one without, which needs no judging, and why."""
    first, last = plan.tiers[0], plan.tiers[-1]
    closed = [tier for tier in plan.tiers if allowed is not None and tier not in allowed]
    if closed:
        why = f"{', '.join(closed)} is not open to this agent: straight to {last}"
        return last, None, check_of("confidence", NAME, False, why)
    if job.order_key is not None:  # whoever goes up is overtaken by the next job of the key
        why = f"jobs of one order key are done one after another: straight to {last}"
        return last, None, check_of("confidence", NAME, False, why)
    return first, plan, check_of("confidence", NAME, True, words(plan))


def words(plan: CascadePlan) -> str:
    """`small, then frontier; an answer counts when its mean token probability > 0.9`."""
    return f"{', then '.join(plan.tiers)}; an answer counts {_when(plan)}"


def _when(plan: CascadePlan) -> str:
    one, two = plan.tiers[0], plan.tiers[1]
    match plan.accept:
        case "answer":
            return "when it is whole and no refusal"
        case "logprob":
            return f"when its mean token probability > {plan.threshold:g}"
        case "agreement":
            return f"when {one} and {two} say the same"
        case "model":
            by = f"{plan.model.name}@{plan.model.version}" if plan.model else "its model"
            return f"when {by} finds {two}'s good enough beside {one}'s, for quality {plan.quality}"
        case _:
            assert_never(plan.accept)
