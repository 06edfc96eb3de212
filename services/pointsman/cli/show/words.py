"""Summarise a message in a few words."""

from collections.abc import Callable
from typing import Any, assert_never

from pointsman.cli.formats import count, duration, money
from pointsman.score.text import answered, content_text
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.control.checkpoints import CheckpointSigned
from pointsman_schemas.control.limits import (
    BreakerCounted,
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    LimitStanding,
)
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.control.registry import AgentChanged, RegistryChanged, RegistryProposed
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import ChatRequest, JobCancel, JobRouted, JobSubmitted, JobUndecided
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewDecision,
    ReviewRelease,
    ReviewRequested,
)

#: Name and colour of each message type.
KINDS = {
    "job.submitted": ("submitted", "cyan"),
    "job.routed": ("routed", "blue"),
    "job.undecided": ("undecided", "yellow"),
    "call.finished": ("call", "magenta"),
    "job.completed": ("completed", "green"),
    "job.failed": ("failed", "red"),
    "job.rejected": ("rejected", "red"),
    "job.expired": ("expired", "yellow"),
    "job.cancelled": ("cancelled", "yellow"),
    "job.cancel": ("cancel", "yellow"),
    "job.dead": ("dead", "red"),
    "job.chunk": ("piece", "green"),
    "request.taken": ("taken", "blue"),
    "file.kept": ("file", "blue"),
    "batch.submitted": ("batch", "blue"),
    "batch.cancel": ("cancel", "yellow"),
    "batch.changed": ("batch", "cyan"),
    "job.feedback": ("feedback", "cyan"),
    "audit.checkpoint": ("checkpoint", "blue"),
    "review.requested": ("review", "yellow"),
    "review.claim": ("claim", "cyan"),
    "review.release": ("release", "cyan"),
    "review.decide": ("decide", "cyan"),
    "review.answered": ("answered", "blue"),
    "review.changed": ("case", "yellow"),
    "policy.applied": ("policy", "blue"),
    "model.applied": ("model", "blue"),
    "promise.broken": ("suspended", "red"),
    "promise.renewed": ("resumed", "green"),
    "agent.changed": ("agent", "blue"),
    "registry.changed": ("rules", "blue"),
    "registry.proposed": ("proposal", "yellow"),
    "limit.declared": ("limit", "blue"),
    "limit.reserved": ("reserved", "cyan"),
    "limit.settled": ("settled", "cyan"),
    "limit.paused": ("paused", "yellow"),
    "limit.resumed": ("resumed", "green"),
    "limit.standing": ("standing", "blue"),
    "breaker.counted": ("failures", "yellow"),
    "breaker.turned": ("breaker", "red"),
}

#: Names of the reasons why a call failed.
FAILED = {
    "rate_limited": "rate limited", "server_error": "server error", "connection": "no connection",
    "timeout": "timed out", "bad_response": "unusable answer", "bad_request": "bad request",
    "authentication": "key refused", "model_not_found": "no such model", "content_filter": "content filter",
    "internal": "internal error",
}  # fmt: skip


def kind(type: str) -> tuple[str, str]:
    """Return name and colour of a message type, as `job.completed.v1`; an unknown type is its own name."""
    name, _, _ = type.rpartition(".v")
    return KINDS.get(name or type, (type or "?", "red"))


def last_message_text(request: ChatRequest) -> str:
    """Return the text of the request's last message."""
    return content_text(request.messages[-1].content)


def summary(message: Message) -> str:
    """Return a message's summary, without its kind, job and agent."""
    say = _SUMMARIES.get(type(message))
    return message.TYPE if say is None else say(message)


def call(made: CallFinished) -> str:
    """Summarise a provider call: status, duration, model, tokens and cost, and whether it is retried."""
    time_text = duration(made.duration_ms / 1000)
    match made.status:
        case "ok":
            parts = [f"{made.attempt} ok in {time_text}", made.model_answered or made.model]
        case "retry" | "reject":
            status = f" ({made.http_status})" if made.http_status else ""
            is_retried = made.retry_after_s is not None
            next_try = f"next try after {duration(made.retry_after_s or 0)}" if is_retried else "no other try"
            parts = [
                f"{made.attempt} {FAILED.get(made.error_type or '', 'failed')}{status} in {time_text}",
                next_try,
            ]
        case "cancelled" | "expired":
            parts = [f"{made.attempt} {made.status} after {time_text}"]
        case _:
            assert_never(made.status)
    if made.usage is not None:
        parts.append(f"{made.usage.input_tokens:,} + {count(made.usage.output_tokens, 'token')}")
    if made.status == "ok":
        parts.append(money(made.cost_usd))
    return ", ".join(parts)


def because(text: str) -> str:
    """Return a colon and the reason; empty if there is none."""
    return f": {text}" if text else ""


def decided(decision: ReviewDecide | ReviewDecision) -> str:
    """Return the person's choice, and the tier if it has one."""
    return f"{decision.choice} to {decision.tier}" if decision.tier else decision.choice


def case_words(case: ReviewChanged) -> list[str]:
    """Return why the case stopped and what people decided, one line each."""
    stop = case.stop
    lines = [f"{stop.of} stopped by rule {stop.rule}: {stop.detail}"]
    lines += [
        f"{decided(entry)} by {entry.by}, {duration(entry.seconds)} after the claim{because(entry.reason)}"
        for entry in case.decisions
    ]
    if case.status in ("open", "claimed"):
        lines.append(f"{case.status}, in queue {case.queue}: pointsman review show {case.job_id}")
    elif case.status in ("expired", "withdrawn"):
        lines.append(case.change)
    return lines


def _reserved(message: LimitReserved) -> str:
    calls = len(message.calls)
    return (
        f"for {count(calls, 'call')} of {message.process}" if calls else f"{message.process} is still there"
    )


def _declared(message: LimitDeclared) -> str:
    span = "a day" if message.window_s is None else f"in any {duration(message.window_s)}"
    return f"{message.budget}: {message.limit:,} {span}"


def _applied(message: PolicyApplied) -> str:
    by = f", scores by {message.model.name}@{message.model.version}" if message.model else ""
    return f"{message.name} {message.policy_version} is in force{by}"


def _changed(message: ReviewChanged) -> str:
    by = f" by {message.by}" if message.by else ""
    return f"{message.change}{by}, is {message.status} in queue {message.queue}"


def _ended(message: JobFailed | JobRejected) -> str:
    return f"{message.reason.value}: {message.message}"


def _by(message: ReviewClaim | ReviewRelease) -> str:
    return f"by {message.by}"


#: A message of any other type is summarised by the type's name.
_SUMMARIES: dict[type[Message], Callable[[Any], str]] = {
    JobSubmitted: lambda m: last_message_text(m.request),
    JobRouted: lambda m: f"to {m.decision.tier} by rule {m.decision.rule}: {m.decision.reason}",
    JobUndecided: lambda m: f"{m.decision.checks[-1].detail} (rule {m.decision.rule})",
    CallFinished: call,
    JobCompleted: lambda m: answered(m.response) or f"no text, by {m.model}",
    JobFailed: _ended,
    JobRejected: _ended,
    JobExpired: lambda m: m.message,
    JobCancel: lambda m: m.reason,
    JobCancelled: lambda m: f"by {m.cancelled_by}: {m.message}",
    JobFeedback: lambda m: f"verdict {m.verdict:g} by {m.by}{because(m.comment)}",
    CheckpointSigned: lambda m: f"{m.number}, of {len(m.lanes)} lanes, by the key {m.key_id}",
    LimitDeclared: _declared,
    LimitReserved: _reserved,
    LimitSettled: lambda m: f"{count(len(m.calls), 'call')} of {m.process}",
    LimitPaused: lambda m: f"{m.target} for {duration(m.seconds)}",
    LimitResumed: lambda m: f"{m.target} by {m.by}",
    LimitStanding: lambda m: f"all before offset {m.as_of}",
    BreakerCounted: lambda m: f"{m.target}: {m.failed} of {m.failed + m.ok} calls failed",
    BreakerTurned: lambda m: f"{m.target} {m.to}" + (f" for {duration(m.seconds)}" if m.seconds else ""),
    PolicyApplied: _applied,
    ModelApplied: lambda m: f"{m.model.name}@{m.model.version}, {len(m.content) * 3 // 4:,} bytes",
    PromiseBroken: lambda m: f"{m.model} is not asked: {m.found}",
    PromiseRenewed: lambda m: f"{m.model} is asked again, says {m.by}{because(m.comment)}",
    AgentChanged: lambda m: f"{m.agent.id} of {m.agent.owner} is {m.state}, by {m.by}{because(m.reason)}",
    RegistryChanged: lambda m: f"others: {m.rules.unregistered}, identity: {m.rules.identity}, by {m.by}",
    RegistryProposed: lambda m: f"{len(m.changes)} changes of the registry, by {m.by}: {m.proposal}",
    ReviewRequested: lambda m: f"{m.stop.of} waits in queue {m.queue}: {m.stop.detail} (rule {m.stop.rule})",
    ReviewClaim: _by,
    ReviewRelease: _by,
    ReviewDecide: lambda m: f"{decided(m)}, by {m.by}{because(m.reason)}",
    ReviewAnswered: lambda m: f"{m.by}: {m.message}",
    ReviewChanged: _changed,
}
