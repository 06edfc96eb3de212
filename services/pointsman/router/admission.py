"""Admission: whether a job may be done at all, and the checks that this leaves on the trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pointsman.router.agents_file import Agent, Registry
from pointsman.router.policy.checks import check_of
from pointsman.router.policy.conditions import show
from pointsman.router.policy.facts import count_chars
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.tier_names import unknown_tier
from pointsman.router.shadow import AGENT as SHADOW_AGENT
from pointsman_schemas.decisions import Check
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import Reason
from pointsman_schemas.times import format_time


@dataclass(frozen=True, slots=True)
class Admitted:
    """`tiers`: what is open to the agent, None for every tier."""

    checks: tuple[Check, ...]
    tiers: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Refused:
    """`message` says to the publisher what to change."""

    reason: Reason
    message: str


def admit(registry: Registry, policy: Policy, job: Job, now: datetime) -> Admitted | Refused:
    """Look at who asks, for what, and until when."""
    if job.agent_id == SHADOW_AGENT:
        return Refused(
            Reason.AGENT_NOT_ALLOWED, f"`{SHADOW_AGENT}` is the router's own; submit the job as another agent"
        )
    agent = registry.agents.get(job.agent_id)
    if agent is None and not registry.admits_unregistered:
        return Refused(Reason.AGENT_NOT_ALLOWED, _not_registered(job.agent_id))
    checks = [_registered(job.agent_id, agent)]
    for check in (_tier(policy.tiers, agent, job), _kind(agent, job), _size(agent, job), _deadline(job, now)):
        if isinstance(check, Refused):
            return check
        if check is not None:
            checks.append(check)
    return Admitted(tuple(checks), agent.tiers if agent else None)


def _registered(agent_id: str, agent: Agent | None) -> Check:
    if agent is None:
        detail = f"{agent_id} is not registered; the registry says `unregistered: admit`"
    else:
        detail = f"{agent_id} is registered, owner is {agent.owner}"
    return _passed("agent", detail)


def _not_registered(agent_id: str) -> str:
    return (
        f"agent `{agent_id}` is not registered, and only registered agents are admitted here; "
        f"have it added to agents.yaml: - {{id: {agent_id}, owner: <team>}}"
    )


def _tier(tiers: Sequence[str], agent: Agent | None, job: Job) -> Check | Refused | None:
    if job.tier is None:
        return None
    if job.tier not in tiers:
        return Refused(
            Reason.UNKNOWN_TIER, f"{unknown_tier(job.tier, tiers)}. Leave `tier` out and the policy chooses"
        )
    if agent is None or agent.tiers is None:
        return _passed("tier", f"{job.tier} is asked for, every tier is open: {', '.join(tiers)}")
    listed = ", ".join(agent.tiers)
    if job.tier not in agent.tiers:
        return Refused(
            Reason.AGENT_NOT_ALLOWED,
            f"tier `{job.tier}` is not open to agent `{agent.id}`, open are {listed}. Ask for one of them, "
            f"leave `tier` out, or ask {agent.owner}, who owns the agent, for more",
        )
    return _passed("tier", f"{job.tier} is asked for, open to {agent.id}: {listed}")


def _kind(agent: Agent | None, job: Job) -> Check | Refused | None:
    if agent is None or agent.kinds is None:
        return None
    listed = ", ".join(agent.kinds)
    if job.kind not in agent.kinds:
        return Refused(
            Reason.AGENT_NOT_ALLOWED,
            f"agent `{agent.id}` may do {listed}; the job's kind is {show(job.kind)}. Set `kind` to one of "
            f"them, or ask {agent.owner}, who owns the agent, for more",
        )
    return _passed("kind", f"kind is {job.kind}, open to {agent.id}: {listed}")


def _size(agent: Agent | None, job: Job) -> Check | Refused | None:
    if agent is None or agent.max_chars is None:
        return None
    chars = count_chars(job.request.messages)
    if chars > agent.max_chars:
        return Refused(
            Reason.TOO_LARGE,
            f"{chars} characters > {agent.max_chars}, the most that agent `{agent.id}` may send. Shorten or "
            f"split the messages, or ask {agent.owner}, who owns the agent, for more",
        )
    return _passed("size", f"{chars} characters <= {agent.max_chars}")


def _deadline(job: Job, now: datetime) -> Check | Refused | None:
    if job.deadline is None:
        return None
    deadline, read = format_time(job.deadline), format_time(now)
    if job.deadline <= now:
        return Refused(
            Reason.DEADLINE_PASSED,
            f"the deadline {deadline} had passed when the job was read, {read}; no model was called. "
            "Submit it again with a later deadline if an answer is still wanted",
        )
    return _passed("deadline", f"{deadline} > {read}")


def _passed(name: str, detail: str) -> Check:
    return check_of("admission", name, True, detail)
