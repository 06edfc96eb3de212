"""What the messages about a case say, in a few words."""

from pointsman.cli.formats import duration
from pointsman_schemas.base import Message
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewRelease,
    ReviewRequested,
)

REVIEW_KINDS = {
    "review.requested": ("review", "yellow"),
    "review.claim": ("claim", "cyan"),
    "review.release": ("release", "cyan"),
    "review.decide": ("decide", "cyan"),
    "review.answered": ("answered", "blue"),
    "review.changed": ("case", "yellow"),
}


def case_words(case: ReviewChanged) -> list[str]:
    """Why it stopped and what became of it, a line each."""
    stop = case.stop
    lines = [f"{stop.of} stopped by rule {stop.rule}: {stop.detail}"]
    for decision in case.decisions:
        to = f" to {decision.tier}" if decision.tier else ""
        reason = f": {decision.reason}" if decision.reason else ""
        lines.append(f"{decision.choice}{to} by {decision.by} after {duration(decision.seconds)}{reason}")
    if case.status in ("open", "claimed"):
        lines.append(f"{case.status}, in queue {case.queue}: pointsman review show {case.job_id}")
    elif case.status in ("expired", "withdrawn"):
        lines.append(case.change)
    return lines


def review_words(message: Message) -> str:
    """Empty for every other message."""
    match message:
        case ReviewRequested(stop=stop):
            return f"{stop.of} waits in queue {message.queue}: {stop.detail} (rule {stop.rule})"
        case ReviewClaim():
            return f"by {message.by}"
        case ReviewRelease():
            return f"by {message.by}"
        case ReviewDecide():
            to = f" to {message.tier}" if message.tier else ""
            reason = f": {message.reason}" if message.reason else ""
            return f"{message.choice}{to}, by {message.by}{reason}"
        case ReviewAnswered():
            return f"{message.by}: {message.message}"
        case ReviewChanged():
            by = f" by {message.by}" if message.by else ""
            return f"{message.change}{by}, is {message.status} in queue {message.queue}"
        case _:
            return ""
