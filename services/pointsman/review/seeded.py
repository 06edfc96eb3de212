"""Seeded test cases: one case's question with another's answer, which an attentive reviewer rejects; pure.

Invariants:
- While it waits, a seeded case looks like any other; only its id, derived from its origin, shows what it is.
- Its decision has no effect, as its job does not exist.
- The same cases and decisions give the same seeded cases, in every process.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from pointsman.cascade.completion import read_completion
from pointsman.review.case import plan_of, queue_of
from pointsman_schemas.base import Json
from pointsman_schemas.ids import uuid7
from pointsman_schemas.reviews import ReviewChanged, ReviewOrigin, ReviewRequested

#: A shorter answer, such as the name of a class, may be right by chance.
_LEAST_CHARS = 40
_DECIDED = ("approved", "edited", "rejected", "sent")


def is_seeded(case: ReviewChanged) -> bool:
    """Return whether the case is a test."""
    return case.job_id == _id(case.origin, case.opened, case.job_id)


def is_due(case: ReviewChanged, request: ReviewRequested) -> bool:
    """Return whether a test must follow a case that has just ended."""
    every = queue_of(plan_of(request), case.queue).seeded_every
    return (
        every is not None
        and case.status in _DECIDED
        and case.stop.of == "answer"
        and case.origin.data_subject is None
        and not is_seeded(case)
        and int.from_bytes(sha256(case.job_id.bytes).digest()[:8], "big") % every == 0
    )


def others(case: ReviewChanged, waiting: Iterable[ReviewChanged]) -> list[ReviewChanged]:
    """Return the cases whose answers may replace the case's, ordered by id.

    Cases about a data subject are left out, so that no personal data moves to another record.
    """
    fitting = [
        other
        for other in waiting
        if other.queue == case.queue
        and other.stop.of == "answer"
        and other.origin.data_subject is None
        and other.job_id != case.job_id
        and not is_seeded(other)
    ]
    return sorted(fitting, key=lambda other: other.job_id)


def seeded(
    case: ReviewChanged, request: ReviewRequested, other: ReviewRequested, at: datetime
) -> ReviewRequested | None:
    """Return the request of a test opened at `at`; None if the cases are too similar."""
    assert request.proposed is not None and other.proposed is not None
    text, instead = _text(request.proposed.response), _text(other.proposed.response)
    alike = request.job.request == other.job.request or text == instead
    if alike or min(len(text), len(instead)) < _LEAST_CHARS:
        return None
    job_id = _id(case.origin, at, case.job_id)
    first, *more = request.proposed.response["choices"]
    choices = [{**first, "message": {**first["message"], "content": instead}}, *more]
    proposed = request.proposed.model_copy(
        update={"job_id": job_id, "response": {**request.proposed.response, "choices": choices}}
    )
    job = request.job.model_copy(update={"job_id": job_id, "deadline": None})
    return request.model_copy(update={"job": job, "proposed": proposed, "queue": case.queue})


def origin_of(case: ReviewChanged, digest: str) -> ReviewOrigin:
    """Return the origin of a test after `case`; `digest`: SHA-256 of its request."""
    return case.origin.model_copy(update={"sha256": digest, "trace_id": None, "span_id": None})


def _text(response: Json) -> str:
    try:
        return read_completion(response).text.strip()
    except (LookupError, TypeError, AttributeError, ValueError):
        return ""


def _id(origin: ReviewOrigin, opened: datetime, like: UUID) -> UUID:
    """Return the id of a test, of the same UUID version as `like`."""
    digest = sha256(f"{origin.topic}:{origin.partition}:{origin.offset}:seeded".encode()).digest()
    if like.version == 7:
        return uuid7(opened, digest[:10])
    return UUID(bytes=digest[:16], version=like.version if like.version in (1, 2, 3, 4, 5) else 4)
