"""The typed columns of a message, for grouping and searching."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from pointsman.audit.records.columns import INT4_MAX, INT8_MAX, cost_or_none, count_or_none
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


class MessageColumns(NamedTuple):
    """The typed columns from a message's body; None where the message has no value.

    Only calls have tokens and cost: outcomes repeat them, so sums would count them twice.
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


#: Paths into a message, field names joined by dots. Of two paths, the first with a value is used. A path that
#: begins with `=` is a constant.
Paths = tuple[str, ...]


def _of(names: str = "", **others: str | Paths) -> dict[str, Paths]:
    """Map columns to the fields of the same names, and `others`."""
    columns = {**{name: name for name in names.split()}, **others}
    return {column: (paths,) if isinstance(paths, str) else paths for column, paths in columns.items()}


_JOB = {"job_id": "job.job_id", "agent_id": "job.agent_id"}
_DECISION = {"tier": "decision.tier"}
_ENDED = "job_id agent_id tier"

#: The paths of each column, by kind of message. For other kinds, job and agent come from the envelope.
COLUMN_PATHS: Mapping[type[Message | Job], Mapping[str, Paths]] = {
    Job: _of("job_id agent_id"),
    JobCancel: _of("job_id agent_id"),
    JobFeedback: _of("job_id agent_id"),
    JobRouted: _of(**_JOB, **_DECISION, policy_version="decision.policy_version", rule="decision.rule"),
    JobUndecided: _of(**_JOB),
    CallFinished: _of(
        "job_id agent_id attempt tier provider status error_type cost_usd duration_ms",
        model=("model_answered", "model"),
        tokens_in="usage.input_tokens",
        tokens_out="usage.output_tokens",
    ),
    JobCompleted: _of(f"{_ENDED} provider model", status="=completed"),
    JobFailed: _of(_ENDED, status="=failed", error_type="reason"),
    JobRejected: _of(_ENDED, status="=rejected", error_type="reason"),
    JobExpired: _of(_ENDED, status="=expired", error_type=f"={Reason.DEADLINE_PASSED}"),
    JobCancelled: _of(_ENDED, status="=cancelled"),
    PolicyApplied: _of("policy_version"),
    AgentChanged: _of(agent_id="by", status="state"),
    RegistryChanged: _of(agent_id="by"),
    RegistryProposed: _of(agent_id="by"),
    FileKept: _of("agent_id"),
    BatchSubmitted: _of("agent_id"),
    BatchCancel: _of("agent_id"),
    BatchChanged: _of("agent_id"),
    ReviewRequested: _of(**_JOB, **_DECISION, rule="stop.rule"),
    ReviewChanged: _of("job_id agent_id status", rule="stop.rule"),
    ReviewClaim: _of("job_id"),
    ReviewRelease: _of("job_id"),
    ReviewDecide: _of("job_id"),
    ReviewAnswered: _of("job_id", error_type="refused"),
}


def _getter(path: str) -> Callable[[Any], Any]:
    outer, _, inner = path.partition(".")
    if not outer.startswith("="):
        get = attrgetter(outer)
        return (lambda message: getattr(get(message), inner, None)) if inner else get
    return lambda _: path[1:]


_GETTERS = {
    kind: [(name, [_getter(path) for path in paths]) for name, paths in columns.items()]
    for kind, columns in COLUMN_PATHS.items()
}


def columns_of(message: Message | Job) -> MessageColumns:
    """Return the columns of a message, limited to what the columns can hold."""
    kind = type(message) if type(message) in COLUMN_PATHS else Job
    if not isinstance(message, kind):
        return MessageColumns()
    columns: dict[str, Any] = {name: _first(message, getters) for name, getters in _GETTERS[kind]}
    if kind is CallFinished:
        columns["attempt"] = count_or_none(columns["attempt"], INT4_MAX)
        columns["tokens_in"] = count_or_none(columns["tokens_in"], INT8_MAX)
        columns["tokens_out"] = count_or_none(columns["tokens_out"], INT8_MAX)
        columns["cost_usd"] = cost_or_none(columns["cost_usd"])
    return MessageColumns(**columns)


def _first(message: Message | Job, getters: Sequence[Callable[[Any], Any]]) -> Any:
    """Return the first value that is not empty, or the last."""
    for get in getters:
        if value := get(message):
            break
    return str(value) if isinstance(value, StrEnum) else value
