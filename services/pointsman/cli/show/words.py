"""A message in a few words: what was asked, what was answered, what happened."""

from typing import assert_never

from pointsman.cli.formats import count, duration, money
from pointsman.cli.show.reviews.review_words import REVIEW_KINDS, review_words
from pointsman.score.answered import answered, content_text
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

#: What each kind of message is called on the screen, with its colour.
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
    **REVIEW_KINDS,
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

#: A failed call's reason as a person says it.
FAILED = {
    "rate_limited": "rate limited", "server_error": "server error", "connection": "no connection",
    "timeout": "timed out", "bad_response": "unusable answer", "bad_request": "bad request",
    "authentication": "key refused", "model_not_found": "no such model", "content_filter": "content filter",
    "internal": "internal error",
}  # fmt: skip


def kind(type: str) -> tuple[str, str]:
    """Word and colour of a message type such as `job.completed.v1`; an unknown type stands for itself."""
    name, _, _ = type.rpartition(".v")
    return KINDS.get(name or type, (type or "?", "red"))


def asked(request: ChatRequest) -> str:
    """The text of the last message, which is what the job is about."""
    return content_text(request.messages[-1].content)


def summary(message: Message) -> str:
    """What a message says, without its kind, its job and its agent."""
    match message:
        case JobSubmitted():
            return asked(message.request)
        case JobRouted():
            return f"to {message.decision.tier} by rule {message.decision.rule}: {message.decision.reason}"
        case JobUndecided():
            return f"{message.decision.checks[-1].detail} (rule {message.decision.rule})"
        case CallFinished():
            return call(message)
        case JobCompleted():
            return answered(message.response) or f"no text, by {message.model}"
        case JobFailed() | JobRejected():
            return f"{message.reason.value}: {message.message}"
        case JobExpired():
            return message.message
        case JobCancel():
            return message.reason
        case JobCancelled():
            return f"by {message.cancelled_by}: {message.message}"
        case JobFeedback():
            comment = f": {message.comment}" if message.comment else ""
            return f"{message.verdict:g} of 1 by {message.by}{comment}"
        case CheckpointSigned():
            return f"{message.number}, of {len(message.lanes)} lanes, by the key {message.key_id}"
        case _:
            return _limit_words(message) or _policy_words(message) or review_words(message) or message.TYPE


def call(made: CallFinished) -> str:
    """How one provider call went: how it ended, how long it took, from which model, and what happens next."""
    took = duration(made.duration_ms / 1000)
    match made.status:
        case "ok":
            parts = [f"{made.attempt} ok in {took}", made.model_answered or made.model]
        case "retry" | "reject":
            status = f" ({made.http_status})" if made.http_status else ""
            is_retried = made.retry_after_s is not None
            next_try = f"next try after {duration(made.retry_after_s or 0)}" if is_retried else "no other try"
            parts = [
                f"{made.attempt} {FAILED.get(made.error_type or '', 'failed')}{status} in {took}",
                next_try,
            ]
        case "cancelled" | "expired":
            parts = [f"{made.attempt} {made.status} after {took}"]
        case _:
            assert_never(made.status)
    if made.usage is not None:
        parts.append(f"{made.usage.input_tokens:,} + {count(made.usage.output_tokens, 'token')}")
    if made.status == "ok":
        parts.append(money(made.cost_usd))
    return ", ".join(parts)


def _limit_words(message: Message) -> str | None:
    """What worker processes say to each other about limits; None for a message of another kind."""
    match message:
        case LimitDeclared(budget=budget, limit=limit):
            span = "a day" if message.window_s is None else f"in any {duration(message.window_s)}"
            return f"{budget}: {limit:,} {span}"
        case LimitReserved(process=process, calls=calls):
            return f"for {count(len(calls), 'call')} of {process}" if calls else f"{process} is still there"
        case LimitSettled(process=process, calls=calls):
            return f"{count(len(calls), 'call')} of {process}"
        case LimitPaused(target=target, seconds=seconds):
            return f"{target} for {duration(seconds)}"
        case LimitResumed(target=target, by=by):
            return f"{target} by {by}"
        case LimitStanding(as_of=as_of):
            return f"all before offset {as_of}"
        case BreakerCounted(target=target, ok=ok, failed=failed):
            return f"{target}: {failed} of {failed + ok} calls failed"
        case BreakerTurned(target=target, to=to, seconds=seconds):
            return f"{target} {to}" + (f" for {duration(seconds)}" if seconds else "")
        case _:
            return None


def _policy_words(message: Message) -> str:
    """What the topics `policy` and `agents.registry` carry; empty for every other message."""
    match message:
        case PolicyApplied():
            by = f", scores by {message.model.name}@{message.model.version}" if message.model else ""
            return f"{message.name} {message.policy_version} is in force{by}"
        case ModelApplied():
            return f"{message.model.name}@{message.model.version}, {len(message.content) * 3 // 4:,} bytes"
        case PromiseBroken():
            return f"{message.model} is not asked: {message.found}"
        case PromiseRenewed():
            comment = f": {message.comment}" if message.comment else ""
            return f"{message.model} is asked again, says {message.by}{comment}"
        case AgentChanged():
            reason = f": {message.reason}" if message.reason else ""
            return f"{message.agent.id} of {message.agent.owner} is {message.state}, by {message.by}{reason}"
        case RegistryChanged():
            rules = message.rules
            return f"others: {rules.unregistered}, identity: {rules.identity}, by {message.by}"
        case RegistryProposed():
            return f"{len(message.changes)} changes of the registry, by {message.by}: {message.proposal}"
        case _:
            return ""
