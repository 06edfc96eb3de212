"""Makes the job that a request asks for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from pydantic import ValidationError

from pointsman.bus.codec.decode import refusal
from pointsman.gateway.errors import invalid
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import Job

KIND, ORDER_KEY, DEADLINE = "x-pointsman-kind", "x-pointsman-order-key", "x-pointsman-deadline"
_MOST_DEADLINE_S = 7 * 86_400
_DEADLINE_FORMS = (
    f"{DEADLINE} must be seconds from now (more than 0, at most {_MOST_DEADLINE_S}), "
    "or an RFC 3339 time with a time zone"
)


def job_of(
    request: Json,
    headers: Mapping[str, str],
    *,
    job_id: UUID,
    agent_id: str,
    tier: str | None,
    now: datetime,
    deadline_s: float,
    kind: str | None = None,
    marks: Mapping[str, object] = MappingProxyType({}),
) -> Job:
    """Make a job from `request`, which has the OpenAI chat shape.

    `deadline_s`, `kind`: used if the headers give none. `marks`: metadata added to that of the request;
    providers do not get it.

    Raises:
        ApiError: the request is no valid job; the error names the field and what it must be.
    """
    metadata = request.get("metadata") or {}
    fields = {
        "job_id": job_id,
        "agent_id": agent_id,
        "tier": tier,
        "kind": headers.get(KIND, kind),
        "order_key": headers.get(ORDER_KEY),
        "deadline": deadline_of(headers.get(DEADLINE), now, deadline_s),
        "metadata": {**metadata, **marks} if isinstance(metadata, dict) else metadata,
        "request": request,
    }
    try:
        return Job.model_validate(fields)
    except ValidationError as error:
        if any(problem["loc"] == ("deadline",) for problem in error.errors()):
            raise invalid(_DEADLINE_FORMS, DEADLINE) from None
        param = next((str(part) for part in error.errors()[0]["loc"] if part != "request"), None)
        raise invalid(str(refusal(error, within=("request",))), param) from None


def deadline_of(text: str | None, now: datetime, otherwise_s: float) -> datetime | str:
    """Convert the header: seconds from now to a time; other text is returned as it is, for `Job` to check.

    Raises:
        ApiError: the number of seconds is out of range.
    """
    if text is None:
        return now + timedelta(seconds=otherwise_s)
    try:
        seconds = float(text)
    except ValueError:
        return text
    if not 0 < seconds <= _MOST_DEADLINE_S:
        raise invalid(_DEADLINE_FORMS, DEADLINE)
    return now + timedelta(seconds=seconds)
