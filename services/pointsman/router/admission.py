"""Admission: whether a job may be done at all, with the checks that this makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman.router.policy.checks import check_of
from pointsman.router.policy.conditions import show
from pointsman.router.policy.facts import count_chars, tool_names
from pointsman.router.policy.policy import Policy
from pointsman.router.shadow import AGENT as SHADOW_AGENT
from pointsman.runtime.unknown_tier import unknown_tier
from pointsman_schemas.base import format_time
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.control.review_plans import EntryThreshold
from pointsman_schemas.decisions import Check
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import Reason

#: The prefix of our own services' agent ids. Unregistered agents may not use it: in the audit they would look
#: like our own.
_OWN = "pointsman/"
#: The check of the tools' names.
TOOLS = "tools"


@dataclass(frozen=True, slots=True)
class Admitted:
    """`tiers`: those open to the agent, None for all. `thresholds`: from its registry entry."""

    checks: tuple[Check, ...]
    tiers: tuple[str, ...] | None
    thresholds: tuple[EntryThreshold, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a job is refused; `message` tells the publisher what to change."""

    reason: Reason
    message: str


def admit(registry: Registry, policy: Policy, job: Job, now: datetime) -> Admitted | Refused:
    """Check the agent, what it asks for, and the deadline."""
    if job.agent_id == SHADOW_AGENT:
        return Refused(
            Reason.AGENT_NOT_ALLOWED, f"`{SHADOW_AGENT}` is the router's own; submit the job as another agent"
        )
    registered = registry.agents.get(job.agent_id)
    if registered is None and job.agent_id.startswith(_OWN):
        return Refused(
            Reason.AGENT_NOT_ALLOWED,
            f"names that begin with `{_OWN}` are for this installation's own services; "
            "submit the job as another agent, or register this one",
        )
    if registered is None and not registry.admits_unregistered:
        return Refused(Reason.AGENT_NOT_ALLOWED, _not_registered(job.agent_id))
    if registered is not None and (why_not := _may_not_act(registered, now)) is not None:
        return Refused(Reason.AGENT_NOT_ALLOWED, why_not)
    agent = None if registered is None else registered.entry
    checks = [_registered(job.agent_id, agent, registry.rules.identity)]
    for check in (
        _tier(policy.tiers, agent, job),
        _kind(agent, job),
        _tools(agent, job),
        _size(agent, job),
        _deadline(job, now),
    ):
        if isinstance(check, Refused):
            return check
        if check is not None:
            checks.append(check)
    return Admitted(tuple(checks), agent.tiers if agent else None, agent.confidence if agent else ())


def _registered(agent_id: str, agent: AgentEntry | None, identity: str) -> Check:
    if agent is None:
        detail = (
            f"{agent_id} is not registered; the registry says `unregistered: admit`, identity is {identity}"
        )
    else:  # the owner must be last: `audit.agents` parses it
        detail = f"{agent_id} is registered, identity is {identity}, owner is {agent.owner}"
    return _passed("agent", detail)


def _may_not_act(registered: RegisteredAgent, now: datetime) -> str | None:
    """Return why the agent may not act now; None if it may."""
    entry = registered.entry
    match registered.state:
        case "suspended":
            because = f": {registered.reason}" if registered.reason else ""
            return f"agent `{entry.id}` is suspended{because}. Ask {_owner(entry)}"
        case "retired":
            return f"agent `{entry.id}` is retired. Submit the job as another, or ask {_owner(entry)}"
        case "active":
            pass
        case _:
            assert_never(registered.state)
    if registered.has_expired(now):
        return (
            f"the registration of agent `{entry.id}` expired on {entry.expires}. Ask {_owner(entry)}, "
            "to renew it: a later `expires` in agents.yaml, then pointsman agents apply"
        )
    return None


def _owner(entry: AgentEntry) -> str:
    contact = f" ({entry.contact})" if entry.contact else ""
    return f"{entry.owner}{contact}, who owns the agent"


def _not_registered(agent_id: str) -> str:
    return (
        f"agent `{agent_id}` is not registered, and only registered agents are admitted here; "
        f"have it added to agents.yaml and applied: - {{id: {agent_id}, owner: <team>}}"
    )


def _tier(tiers: Sequence[str], agent: AgentEntry | None, job: Job) -> Check | Refused | None:
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
            f"leave `tier` out, or ask {_owner(agent)}, for more",
        )
    return _passed("tier", f"{job.tier} is asked for, open to {agent.id}: {listed}")


def _kind(agent: AgentEntry | None, job: Job) -> Check | Refused | None:
    if agent is None or agent.kinds is None:
        return None
    listed = ", ".join(agent.kinds)
    if job.kind not in agent.kinds:
        return Refused(
            Reason.AGENT_NOT_ALLOWED,
            f"agent `{agent.id}` may do {listed}; the job's kind is {show(job.kind)}. Set `kind` to one of "
            f"them, or ask {_owner(agent)}, for more",
        )
    return _passed("kind", f"kind is {job.kind}, open to {agent.id}: {listed}")


def _tools(agent: AgentEntry | None, job: Job) -> Check | Refused | None:
    if agent is None or agent.tools is None:
        return None
    listed = ", ".join(agent.tools) or "none"
    offered = tool_names(job.request)
    if other := [name for name in offered if name not in agent.tools]:
        return Refused(
            Reason.AGENT_NOT_ALLOWED,
            f"tool {show(other[0]) or '(no name)'} is not open to agent `{agent.id}`, open are {listed}. "
            f"Leave it out, or ask {_owner(agent)}, for more",
        )
    return _passed(TOOLS, f"the tools offered are open to {agent.id}: {listed}") if offered else None


def _size(agent: AgentEntry | None, job: Job) -> Check | Refused | None:
    if agent is None or agent.max_chars is None:
        return None
    chars = count_chars(job.request.messages)
    if chars > agent.max_chars:
        return Refused(
            Reason.TOO_LARGE,
            f"{chars} characters > {agent.max_chars}, the most that agent `{agent.id}` may send. Shorten or "
            f"split the messages, or ask {_owner(agent)}, for more",
        )
    return _passed("size", f"{chars} characters <= {agent.max_chars}")


def _deadline(job: Job, now: datetime) -> Check | Refused | None:
    if job.deadline is None:
        return None
    deadline, read_at = format_time(job.deadline), format_time(now)
    if job.deadline <= now:
        return Refused(
            Reason.DEADLINE_PASSED,
            f"the deadline {deadline} had passed when the job was read, {read_at}; no model was called. "
            "Submit it again with a later deadline if an answer is still wanted",
        )
    return _passed("deadline", f"{deadline} > {read_at}")


def _passed(name: str, detail: str) -> Check:
    return check_of("admission", name, True, detail)
