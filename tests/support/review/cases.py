"""Review requests, commands and their records."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.review.case import opened
from pointsman_schemas.base import Json, Message
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.reviews import (
    ReviewChanged,
    ReviewClaim,
    ReviewDecide,
    ReviewOrigin,
    ReviewRelease,
    ReviewRequested,
)
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

NOW = datetime(2026, 3, 12, 9, 14, 5, tzinfo=UTC)
TOPICS = Topics("t")
_EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"
_EXAMPLE = json.loads((_EXAMPLES / "review.requested.v1.json").read_text("utf-8"))["value"]
_NAMESPACE = UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")


def job_id(number: int) -> UUID:
    return uuid5(_NAMESPACE, str(number))


def request(
    number: int = 1,
    *,
    of: str = "answer",
    agent: str = "contract-reviewer",
    deadline: datetime | None = None,
    queues: Sequence[dict[str, Any]] = (),
    **queue: Any,
) -> ReviewRequested:
    """A request that waits in the queue `legal`; `queue`: settings of that queue."""
    body = json.loads(json.dumps(_EXAMPLE))
    legal = {"name": "legal", "deadline_s": 3600, "lease_s": 600, **queue}
    body["decision"]["review"]["queues"] = [legal, *queues]
    body["job"] |= {
        "job_id": str(job_id(number)),
        "agent_id": agent,
        "deadline": None if deadline is None else deadline.isoformat(),
    }
    body["stop"]["of"] = of
    if of == "answer":
        body["proposed"] |= {"job_id": str(job_id(number)), "agent_id": agent}
        body["proposed"]["response"]["choices"][0]["message"]["content"] = f"answer {number}"
    else:
        body |= {"proposed": None, "attempts": 0, "cost_usd": str(Decimal(0))}
    return ReviewRequested.model_validate(body)


def value_of(requested: ReviewRequested) -> bytes:
    return ReviewRequested.__pydantic_serializer__.to_json(requested)


def digest(requested: ReviewRequested) -> str:
    return sha256(value_of(requested)).hexdigest()


def case(requested: ReviewRequested, at: datetime = NOW) -> ReviewChanged:
    origin = ReviewOrigin(
        topic=TOPICS.review.name,
        partition=0,
        offset=1,
        sha256=digest(requested),
        id=job_id(0),
        trace_id=None,
        span_id=None,
        data_subject=None,
    )
    return opened(requested, origin, at)


def claim(requested: ReviewRequested, by: str = "ana", revision: int = 1) -> ReviewClaim:
    return ReviewClaim(job_id=requested.job.job_id, by=by, revision=revision)


def release(requested: ReviewRequested, by: str = "ana", revision: int = 2) -> ReviewRelease:
    return ReviewRelease(job_id=requested.job.job_id, by=by, revision=revision)


def decide(
    requested: ReviewRequested, choice: str = "approve", by: str = "ana", revision: int = 2, **fields: Any
) -> ReviewDecide:
    return ReviewDecide.model_validate(
        {
            "job_id": requested.job.job_id,
            "by": by,
            "revision": revision,
            "choice": choice,
            "seen": digest(requested),
            "reason": "" if choice == "approve" else "because",
            **fields,
        }
    )


def edited(text: str = "edited") -> Json:
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


def record(
    message: Message, offset: int, at: datetime = NOW, *, agent: str = "contract-reviewer"
) -> Incoming:
    """The record of a request or a command, as read from the broker."""
    requests = isinstance(message, ReviewRequested)
    topic = TOPICS.review if requests else TOPICS.reviews_decided
    id = message.job.job_id if isinstance(message, ReviewRequested) else message.job_id  # type: ignore[attr-defined]
    made = sent(topic, message, id, offset, at, agent)
    milliseconds = int(at.timestamp() * 1000)
    return Incoming(
        topic.name, 0, offset, milliseconds, made.key, made.value, tuple(made.headers), by_broker=True
    )


def sent(topic: Topic, message: Message, job: UUID, number: int, at: datetime, agent: str) -> Outgoing:
    envelope = first_envelope(
        uuid5(_NAMESPACE, f"{topic.name}@{number}"),
        source="test",
        type=message.TYPE,
        time=at,
        agent_id=agent,
        job_id=job,
    )
    return emit(topic, str(job).encode(), envelope, message)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)
