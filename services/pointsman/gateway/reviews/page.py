"""A page of cases that a reviewer may see, the earliest deadline first; pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import get_args
from uuid import UUID

from pointsman.gateway.errors import invalid
from pointsman.review.case import WAITING
from pointsman_schemas.base import Json, format_time
from pointsman_schemas.reviews import ReviewChanged, ReviewStatus

#: The states for each value of `state`: two groups, and each state by itself.
_STATES = {
    "waiting": WAITING,
    "all": get_args(ReviewStatus),
    **{name: (name,) for name in get_args(ReviewStatus)},
}
LIMIT, MOST = 50, 200
_MOST_CURSOR = 200


def page(
    cases: Iterable[ReviewChanged],
    queues: Collection[str],
    *,
    queue: str,
    state: str,
    limit: str,
    cursor: str,
) -> Json:
    """Return a page of cases in the shape of OpenAI's lists. `queues`: those of the reviewer.

    Raises:
        ApiError: a parameter is invalid.
    """
    states = _STATES.get(state)
    if states is None:
        raise invalid(f"state: one of {', '.join(_STATES)}", "state")
    most, after = _limit(limit), _place(cursor)
    fitting = [
        case
        for case in cases
        if case.queue in queues
        and queue in ("", case.queue)
        and case.status in states
        and (after is None or (case.deadline, case.job_id) > after)
    ]
    fitting.sort(key=lambda case: (case.deadline, case.job_id))
    shown, has_more = fitting[:most], len(fitting) > most
    return {
        "object": "list",
        "data": [case.model_dump(mode="json") for case in shown],
        "has_more": has_more,
        "next_cursor": _cursor(shown[-1]) if has_more else None,
    }


def _limit(text: str) -> int:
    if not text:
        return LIMIT
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise invalid(f"limit: from 1 to {MOST}", "limit")
    return int(text)


def _cursor(case: ReviewChanged) -> str:
    return urlsafe_b64encode(f"{format_time(case.deadline)} {case.job_id}".encode()).decode()


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        if len(cursor) > _MOST_CURSOR:
            raise ValueError
        time, _, job_id = urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        place = datetime.fromisoformat(time), UUID(job_id)
        if place[0].tzinfo is None:
            raise ValueError
    except ValueError:
        raise invalid("cursor: that of a page before, as it was", "cursor") from None
    return place
