"""Error responses: status, code and text, in the shape of the caller's API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from pointsman.bus.errors import BusError, PublishRefusedError
from pointsman.claims.store import ClaimsUnavailableError
from pointsman_schemas.base import Json
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed, JobRejected, Outcome
from pointsman_schemas.reasons import TOO_LONG, FailReason, Reason

#: A retry by the client would make a new job, and the worker has already retried what can be retried.
_NOT_AGAIN = {"x-should-retry": "false"}

#: Anthropic's error code: its SDK's tool runner then sends the whole conversation instead of `thread`.
WITHOUT_THREAD = "thread_unsupported_request"


@dataclass(eq=False)
class ApiError(Exception):
    """`type` and `code` are for programs; `param` names the invalid part of the request."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    @property
    def openai(self) -> Json:
        """The error in the shape of OpenAI's API."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    @property
    def anthropic(self) -> Json:
        """The error in the shape of Anthropic's API.

        It has no codes, so clients look for words in the message.
        """
        words = "prompt is too long: " if self.code == TOO_LONG else ""
        error: Json = {"type": _ANTHROPIC.get(self.status, "api_error"), "message": words + self.message}
        if self.code == WITHOUT_THREAD:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error}


_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    409: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def invalid(message: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """The error for an invalid request."""
    return ApiError(400, "invalid_request_error", code, message, param)


def not_found(message: str, param: str | None = None, code: str = "not_found") -> ApiError:
    """The error for a thing that does not exist or belongs to another agent."""
    return ApiError(404, "invalid_request_error", code, message, param)


def api_error(error: BusError | ClaimsUnavailableError) -> ApiError:
    """Convert a failure of Kafka or of the store of large values while a request was sent."""
    if isinstance(error, PublishRefusedError):
        return ApiError(413, "invalid_request_error", "too_large", str(error))
    return unavailable(str(error))


def forbidden(message: str, code: str = "not_a_reviewer") -> ApiError:
    """The error for something that this caller may not do."""
    return ApiError(403, "permission_error", code, message)


def too_many(message: str, code: str = "too_many_requests", *, retry_after_s: int = 1) -> ApiError:
    """The error for a request that would exceed a limit of the gateway's."""
    return ApiError(429, "rate_limit_error", code, message, headers={"retry-after": str(retry_after_s)})


def unavailable(message: str) -> ApiError:
    """The error for a request that was not sent because a dependency is unavailable."""
    return ApiError(503, "server_error", "unavailable", message, headers={"retry-after": "1"})


def key_reused() -> ApiError:
    """The error for an idempotency key that was used with another body."""
    message = "this idempotency-key was sent before with another body"
    return ApiError(409, "conflict_error", "idempotency_key_reused", message, headers=_NOT_AGAIN)


def error_of(outcome: Outcome) -> ApiError | None:
    """Return the error for an outcome that is no answer; None for an answer."""
    match outcome:
        case JobCompleted():
            return None
        case JobRejected(reason=reason, message=message):
            status, type = _REJECTED.get(reason, (400, "invalid_request_error"))
            code = "insufficient_quota" if reason is Reason.OVER_BUDGET else reason.value
            return ApiError(status, type, code, message, headers=_NOT_AGAIN)
        case JobFailed(reason=reason, message=message, limit=limit):
            status, type = _FAILED[reason]
            code, param = reason.value, outcome.param if status == 400 else None
            if limit is not None and limit.startswith("usd_"):
                code = "insufficient_quota"
            elif reason is FailReason.BAD_REQUEST:
                code = outcome.code or code
            return ApiError(status, type, code, message, param, headers=_NOT_AGAIN)
        case JobExpired(message=message):
            return ApiError(504, "timeout_error", "deadline_exceeded", message, headers=_NOT_AGAIN)
        case JobCancelled(message=message, cancelled_by=by):
            text = f"the job was cancelled by {by}" + (f": {message}" if message else "")
            return ApiError(409, "conflict_error", "cancelled", text, headers=_NOT_AGAIN)
        case _:
            assert_never(outcome)


_REJECTED = {
    Reason.TOO_LARGE: (413, "invalid_request_error"),
    Reason.AGENT_NOT_ALLOWED: (403, "permission_error"),
    Reason.NOT_APPROVED: (403, "permission_error"),
    Reason.OVER_BUDGET: (429, "rate_limit_error"),
    Reason.OVER_RATE: (429, "rate_limit_error"),
    Reason.UNKNOWN_TIER: (404, "invalid_request_error"),
    Reason.DUPLICATE_JOB: (409, "conflict_error"),
    Reason.DEADLINE_PASSED: (504, "timeout_error"),
    Reason.INTERNAL: (500, "server_error"),
}
_FAILED = {
    FailReason.RATE_LIMITED: (429, "rate_limit_error"),
    FailReason.SERVER_ERROR: (502, "server_error"),
    FailReason.CONNECTION: (502, "server_error"),
    FailReason.TIMEOUT: (504, "timeout_error"),
    FailReason.BAD_RESPONSE: (502, "server_error"),
    FailReason.BAD_REQUEST: (400, "invalid_request_error"),
    FailReason.AUTHENTICATION: (502, "server_error"),  # the provider refuses our key, not the caller's
    FailReason.MODEL_NOT_FOUND: (502, "server_error"),
    FailReason.CONTENT_FILTER: (400, "invalid_request_error"),
    FailReason.INTERNAL: (500, "server_error"),
}
