"""A message in a few words: what was asked, what was answered, what happened."""

from typing import assert_never

from pointsman.cli.formats import count, duration, money
from pointsman.cli.show.decisions.policy_words import POLICY_KINDS, policy_words
from pointsman.cli.show.limit_words import LIMIT_KINDS, limit_words
from pointsman.cli.show.reviews.review_words import REVIEW_KINDS, review_words
from pointsman.score.answered import answered, content_text
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.control.checkpoints import CheckpointSigned
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
    **POLICY_KINDS,
    **LIMIT_KINDS,
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


def what(message: Message) -> str:
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
        case JobExpired(message=said) | JobCancel(reason=said):
            return said
        case JobCancelled():
            return f"by {message.cancelled_by}: {message.message}"
        case JobFeedback():
            said = f": {message.comment}" if message.comment else ""
            return f"{message.verdict:g} of 1 by {message.by}{said}"
        case CheckpointSigned():
            return f"{message.number}, of {len(message.lanes)} lanes, by the key {message.key_id}"
        case _:
            return limit_words(message) or policy_words(message) or review_words(message) or message.TYPE


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
