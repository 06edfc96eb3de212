"""What the messages about a case say, in a few words."""

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
