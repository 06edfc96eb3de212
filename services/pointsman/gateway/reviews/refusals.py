"""The HTTP errors for refused commands."""

from collections.abc import Mapping
from types import MappingProxyType

from pointsman.gateway.errors import ApiError
from pointsman_schemas.reviews import ReviewAnswered, ReviewRefusal

STATUSES: Mapping[ReviewRefusal, tuple[int, str]] = MappingProxyType(
    {
        ReviewRefusal.UNKNOWN_CASE: (404, "invalid_request_error"),
        ReviewRefusal.NOT_OPEN: (409, "conflict_error"),
        ReviewRefusal.NOT_CLAIMED: (409, "conflict_error"),
        ReviewRefusal.CLAIMED_BY_OTHER: (409, "conflict_error"),
        ReviewRefusal.STALE_REVISION: (409, "conflict_error"),
        ReviewRefusal.OTHER_CONTENT: (409, "conflict_error"),
        ReviewRefusal.NOT_A_REVIEWER: (403, "permission_error"),
        ReviewRefusal.OWN_JOB: (403, "permission_error"),
        ReviewRefusal.SAME_PERSON: (403, "permission_error"),
        ReviewRefusal.TOO_MANY_CLAIMS: (409, "conflict_error"),
        ReviewRefusal.REASON_MISSING: (422, "invalid_request_error"),
        ReviewRefusal.IMPOSSIBLE_CHOICE: (422, "invalid_request_error"),
        ReviewRefusal.SIGNATURE: (401, "authentication_error"),
    }
)


def error_of(answered: ReviewAnswered) -> ApiError | None:
    """Return the error for a refused command; None if it was carried out."""
    if answered.refused is None:
        return None
    status, type = STATUSES[answered.refused]
    return ApiError(
        status, type, answered.refused.value, answered.message, headers={"x-should-retry": "false"}
    )
