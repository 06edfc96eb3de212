"""A cascade's plan: validation, a job's first tier, and a description; pure."""

from collections.abc import Collection, Sequence
from typing import assert_never

from pointsman.cascade.accept import AcceptModel
from pointsman.score.estimate import tuned_for
from pointsman_schemas.cascades import Accept, CascadePlan
from pointsman_schemas.jobs import Job

#: These compare the first two tiers' answers, so they need three tiers.
COMPARING: tuple[Accept, ...] = ("agreement", "model")
_NEEDED: dict[Accept, set[str]] = {"logprob": {"threshold"}, "model": {"model", "quality"}}


def ascending(tiers: Sequence[str], policy_tiers: Sequence[str] | None) -> None:
    """Raises ValueError if there are fewer than two tiers or their order is not that of `policy_tiers`."""
    if len(tiers) < 2:
        raise ValueError("needs at least two tiers: one to ask first, and one to escalate to")
    if policy_tiers is not None and [tier for tier in policy_tiers if tier in tiers] != list(tiers):
        raise ValueError(f"must ascend as the policy's tiers do, each once: {', '.join(policy_tiers)}")


def payable(model: AcceptModel, quality: str) -> str:
    """Return the model's bar for `quality`. Raises ValueError if it has none, or would accept nothing."""
    bar = tuned_for(model.bars, quality)
    if not model.pays(bar):
        raise ValueError(f"training found no bar for `{quality}`: every answer would escalate, and cost more")
    return bar


def complete(accept: Accept, tiers: Sequence[str], fields: Collection[str]) -> None:
    """Raises ValueError if the plan lacks a field that `accept` needs, or has one too many (`fields`)."""
    if accept in COMPARING and len(tiers) != 3:
        raise ValueError(f"`accept: {accept}` compares the answers of two tiers; name them and the one above")
    needed = _NEEDED.get(accept, set())
    for name in sorted(needed.difference(fields)):
        raise ValueError(f"`accept: {accept}` needs `{name}`")
    for name in sorted(set(fields) - needed):
        raise ValueError(f"`{name}` is not for `accept: {accept}`")


def begin(
    plan: CascadePlan, job: Job, allowed: Collection[str] | None
) -> tuple[str, CascadePlan | None, str]:
    """Return first tier, plan and description; or, if the plan cannot run, last tier, None and the reason."""
    first, last = plan.tiers[0], plan.tiers[-1]
    closed = [tier for tier in plan.tiers if allowed is not None and tier not in allowed]
    if closed:
        return last, None, f"{', '.join(closed)} is not open to this agent: straight to {last}"
    if job.order_key is not None:  # an escalated job would be overtaken by the next job of its key
        return last, None, f"jobs of one order key are done one after another: straight to {last}"
    return first, plan, words(plan)


def words(plan: CascadePlan) -> str:
    """Describe it: `small, then frontier; an answer counts when its mean token probability > 0.9`."""
    return f"{', then '.join(plan.tiers)}; an answer counts {_when(plan)}"


def _when(plan: CascadePlan) -> str:
    cheaper, dearer = plan.tiers[0], plan.tiers[1]
    match plan.accept:
        case "answer":
            return "when it is whole and no refusal"
        case "logprob":
            return f"when its mean token probability > {plan.threshold:g}"
        case "agreement":
            return f"when {cheaper} and {dearer} say the same"
        case "model":
            by = f"{plan.model.name}@{plan.model.version}" if plan.model else "its model"
            return f"when {by} finds {dearer}'s good enough beside {cheaper}'s, for quality {plan.quality}"
        case _:
            assert_never(plan.accept)
