"""A call that brought no answer, in our words: every way in which one can fail, with what to do about it."""

from datetime import datetime
from typing import Any

from pointsman.bus.json import parse_object
from pointsman.worker.answer import Reject, Retry
from pointsman.worker.backoff import parse_retry_after
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import FailReason

#: More of what a provider said is not repeated in a message; its whole body is in the call's record.
MAX_SAID = 500

_RETRIED = {408: FailReason.TIMEOUT, 409: FailReason.SERVER_ERROR, 429: FailReason.RATE_LIMITED}
_REJECTED = {
    401: FailReason.AUTHENTICATION,
    403: FailReason.AUTHENTICATION,
    404: FailReason.MODEL_NOT_FOUND,
}


def from_status(
    row: ProviderRow,
    status: int,
    content: bytes,
    *,
    retry_after: str | None,
    now: datetime,
    cause: BaseException,
) -> Retry | Reject:
    """An HTTP status other than 2xx, with its body."""
    body = _object(content)
    error = _error_of(body)
    said = _said(error) or clean(content.decode(errors="replace")) or "nothing"
    said = f"{row.name} answered {status}: {said}"
    if status in _RETRIED or status >= 500:
        return Retry(
            reason=_RETRIED.get(status, FailReason.SERVER_ERROR),
            message=said,
            http_status=status,
            response=body,
            after=parse_retry_after(retry_after, now),
            unbilled=True,
            cause=cause,
        )
    reason = _REJECTED.get(status, FailReason.BAD_REQUEST if status >= 400 else FailReason.BAD_RESPONSE)
    if isinstance(error, dict) and error.get("code") == "content_filter":
        reason = FailReason.CONTENT_FILTER
    return Reject(
        reason=reason,
        message=said + _advice(row, reason),
        http_status=status,
        response=body,
        unbilled=True,
        cause=cause,
    )


def from_connection(row: ProviderRow, error: BaseException) -> Retry:
    """No whole answer came: not connected, or cut off. `error` is the SDK's, its cause the HTTP library's."""
    import aiohttp

    cause = error.__cause__ or error
    said = clean(str(cause)) or type(cause).__name__
    # The SDK's transport calls a connection that broke off a `ConnectTimeout` too: aiohttp's own error knows.
    theirs = cause.__cause__ or cause
    unreached = isinstance(theirs, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    if unreached:
        said = f"{row.name} cannot be reached at {row.base_url} ({said}) -- is it running, is base_url right?"
    else:
        said = f"the connection to {row.name} broke off ({said})"
    return Retry(reason=FailReason.CONNECTION, message=said, unbilled=unreached, cause=error)


def timed_out(row: ProviderRow, cause: BaseException) -> Retry:
    """The provider's `timeout_s` passed."""
    said = f"{row.name} did not answer within {row.timeout_s:g} s (its timeout_s in providers.yaml)"
    return Retry(reason=FailReason.TIMEOUT, message=said, cause=cause)


def clean(text: str) -> str:
    """One line of text, not too long, that every record can carry."""
    line = " ".join(text.replace("\0", " ").split())
    return line.encode("utf-8", "replace").decode()[:MAX_SAID]


def _advice(row: ProviderRow, reason: FailReason) -> str:
    match reason:
        case FailReason.AUTHENTICATION if row.key_env:
            return f" -- check the key in the environment variable {row.key_env}"
        case FailReason.AUTHENTICATION:
            return f" -- give {row.name} a key_env in providers.yaml"
        case FailReason.MODEL_NOT_FOUND:
            return " -- check the tier's model and the provider's base_url in providers.yaml"
        case FailReason.CONTENT_FILTER | FailReason.BAD_REQUEST:
            return " -- change the job's request"
    return ""


def _object(content: bytes) -> Json | None:
    try:
        return parse_object(content)
    except ValueError:
        return None


def _error_of(body: Json | None) -> Any:
    """OpenAI nests the error, others send it flat or as a text."""
    return None if body is None else body.get("error") or body.get("detail") or body


def _said(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return clean(message) if isinstance(message, str) else ""
