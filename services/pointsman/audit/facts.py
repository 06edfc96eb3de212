"""What a message says that people group and search by."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from pointsman.audit.columns import INT4_MAX, INT8_MAX, cost_or_none, count_or_none
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.control.policies import PolicyApplied
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import Job, JobCancel, JobRouted, JobUndecided
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewRelease,
    ReviewRequested,
)


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """The typed columns that come from a message's body; None where it says nothing.

    Tokens and cost stand on the calls alone: an outcome repeats them, and a sum would count them twice.
    """

    job_id: UUID | None = None
    agent_id: str | None = None
    attempt: int | None = None
    tier: str | None = None
    provider: str | None = None
    model: str | None = None
    policy_version: str | None = None
    rule: str | None = None
    status: str | None = None
    error_type: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: Decimal | None = None
    duration_ms: float | None = None


def facts_of(message: Message | Job) -> MessageFacts:  # noqa: PLR0912  # one case for each kind
    """The facts of any message; of one that is not known here, none: its envelope still says whose it is."""
    match message:
        case JobRouted(job=job, decision=decision):
            return MessageFacts(
                job.job_id,
                job.agent_id,
                tier=decision.tier,
                policy_version=decision.policy_version,
                rule=decision.rule,
            )
        case JobUndecided(job=job):
            return MessageFacts(job.job_id, job.agent_id)
        case CallFinished():
            return _call(message)
        case JobCompleted():
            return MessageFacts(
                message.job_id,
                message.agent_id,
                tier=message.tier,
                provider=message.provider,
                model=message.model,
                status="completed",
            )
        case JobFailed():
            return _ended(message, "failed", message.reason)
        case JobRejected():
            return _ended(message, "rejected", message.reason)
        case JobExpired():
            return _ended(message, "expired", Reason.DEADLINE_PASSED)
        case JobCancelled():
            return _ended(message, "cancelled", None)
        case PolicyApplied():
            return MessageFacts(policy_version=message.policy_version)
        case AgentChanged():
            return MessageFacts(agent_id=message.by, status=message.state)
        case RegistryChanged() | RegistryProposed():
            return MessageFacts(agent_id=message.by)
        case FileKept() | BatchSubmitted() | BatchCancel() | BatchChanged():
            return MessageFacts(agent_id=message.agent_id)
        case ReviewRequested(job=job, decision=decision):
            return MessageFacts(job.job_id, job.agent_id, tier=decision.tier, rule=message.stop.rule)
        case ReviewChanged():
            return MessageFacts(
                message.job_id, message.agent_id, rule=message.stop.rule, status=message.status
            )
        case ReviewClaim() | ReviewRelease() | ReviewDecide():
            return MessageFacts(message.job_id)
        case ReviewAnswered():
            return MessageFacts(message.job_id, error_type=message.refused and str(message.refused))
        case Job() | JobCancel() | JobFeedback():
            return MessageFacts(message.job_id, message.agent_id)
        case _:
            return MessageFacts()


def _call(call: CallFinished) -> MessageFacts:
    usage = call.usage
    return MessageFacts(
        call.job_id,
        call.agent_id,
        attempt=count_or_none(call.attempt, INT4_MAX),
        tier=call.tier,
        provider=call.provider,
        model=call.model_answered or call.model,
        status=call.status,
        error_type=call.error_type,
        tokens_in=count_or_none(usage.input_tokens, INT8_MAX) if usage else None,
        tokens_out=count_or_none(usage.output_tokens, INT8_MAX) if usage else None,
        cost_usd=cost_or_none(call.cost_usd),
        duration_ms=call.duration_ms,
    )


def _ended(
    outcome: JobFailed | JobRejected | JobExpired | JobCancelled, status: str, reason: str | None
) -> MessageFacts:
    return MessageFacts(
        outcome.job_id,
        outcome.agent_id,
        tier=outcome.tier,
        status=status,
        error_type=None if reason is None else str(reason),
    )
