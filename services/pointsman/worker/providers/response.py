"""Reads a body with status 2xx: an answer, an error, or unusable. Pure."""

from pointsman.worker.calls.answer import Answer, Reject, Result, Retry
from pointsman.worker.providers.error_body import ErrorBody, read_error
from pointsman.worker.providers.lenient_json import read_json
from pointsman.worker.providers.raw_body import MOST_OF_AN_ERROR, raw_body
from pointsman.worker.providers.refusal import clean, from_body
from pointsman.worker.providers.usage import usage_of
from pointsman.worker.providers.wire_format import AnswerBody
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json
from pointsman_schemas.calls import RawBody
from pointsman_schemas.reasons import FailReason

#: The largest answer in bytes: it is in two records, one with its request, which a topic's batch must hold.
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
#: The largest answer with a store of large values, in bytes.
MAX_STORED_BYTES = 16 * 1024 * 1024
#: Bytes kept of an answer as received, beside the parsed answer.
MAX_RAW_BYTES = 1024 * 1024

#: Finish reasons of a choice that the provider did not complete.
_BROKEN_OFF = {
    "error", "failed", "abort", "aborted", "network_error", "server_error", "internal_error",
    "insufficient_system_resource", "engine_overloaded",
}  # fmt: skip


def read_answer(answered: AnswerBody) -> Result:
    """Decode a whole body with status 2xx. Values that a record cannot hold are replaced."""
    row, status, content, secrets = answered.row, answered.status, answered.content, answered.secrets
    try:
        body, changed = read_json(content)
    except ValueError as error:
        content = secrets.hide_bytes(content)
        beginning = f", it begins: {clean(content[:400].decode(errors='replace'))}" if content.strip() else ""
        return Retry(
            reason=FailReason.BAD_RESPONSE,
            message=f"{row.name} answered {status} with a body that cannot be used: {error}{beginning}",
            http_status=status,
            raw=raw_body(content),
            cause=error,
        )
    response = body if isinstance(body, dict) else {}
    choice = _choice(response)
    if choice is not None and not _error_in(response, choice):
        raw = raw_body(content, most=answered.most_raw) if changed else None
        return Answer(http_status=status, **_about(response), raw=raw)
    body, content = secrets.hide_json(body), secrets.hide_bytes(content)
    response = body if isinstance(body, dict) else {}
    choice = _choice(response)
    raw = raw_body(content) if changed or not response else None
    error_body = read_error(body) if choice is None else _error_in(response, choice)
    is_error = choice is not None or response.get("error") or response.get("choices") is None
    if is_error and (error_body.message or error_body.status or response.get("error")):
        return from_body(row, status, error_body, raw=raw, **_about(response))
    return _without_answer(row, status, response, raw, changed)


def not_whole(row: ProviderRow, status: int, content: bytes, most: int, secrets: Secrets) -> Reject:
    """The failure for a body larger than `most` bytes."""
    message = f"{row.name} answered more than {most:,} bytes, which is the most that is taken"
    if most <= MAX_RESPONSE_BYTES:
        message += " without a store of large values (POINTSMAN_CLAIMS)"
    content = secrets.hide_bytes(content[: 2 * MOST_OF_AN_ERROR])
    return Reject(
        reason=FailReason.BAD_RESPONSE,
        message=message,
        http_status=status,
        raw=raw_body(content, whole=False),
    )


def not_finished(row: ProviderRow, status: int) -> Retry:
    """The failure for a stream that ended before its answer did."""
    message = f"{row.name} answered {status} with a stream that ends before its answer (no finish_reason)"
    return Retry(reason=FailReason.BAD_RESPONSE, message=message, http_status=status)


def not_readable(row: ProviderRow, status: int, content: bytes, why: str, secrets: Secrets) -> Reject:
    """The failure for a body whose encoding was not requested or is broken."""
    return Reject(
        reason=FailReason.BAD_RESPONSE,
        message=f"{row.name} answered {status} with a body that cannot be read: {clean(why)}",
        http_status=status,
        raw=raw_body(secrets.hide_bytes(content)),
        elsewhere=True,
    )


def _choice(body: Json) -> Json | None:
    """Return the first choice, if it has a message or an error."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return None
    return choice if isinstance(choice.get("message"), dict) or choice.get("error") else None


def _error_in(body: Json, choice: Json) -> ErrorBody:
    """Return the error in place of the choice, or beside a choice without content."""
    if error := choice.get("error"):
        return read_error(error) or ErrorBody(message="the choice is an error")
    finish = choice.get("finish_reason")
    if isinstance(finish, str) and finish.lower() in _BROKEN_OFF:
        return read_error(body.get("error")) or ErrorBody(500, message=f"finish_reason is {finish}")
    message = choice["message"]
    if body.get("error") and not any(
        message.get(name) for name in ("content", "tool_calls", "refusal", "audio")
    ):
        return read_error(body)
    return ErrorBody()


def _about(response: Json) -> Json:
    model = response.get("model")
    return {
        "response": response or None,
        "model": model if isinstance(model, str) and model else None,
        "usage": usage_of(response),
    }


def _without_answer(
    row: ProviderRow, status: int, response: Json, raw: RawBody | None, changed: bool
) -> Retry | Reject:
    match response.get("choices"):
        case []:
            missing = "choices is empty"
        case None:
            missing = "choices is missing"
        case _:
            missing = "choices[0].message is missing"
    about: Json = {
        "reason": FailReason.BAD_RESPONSE,
        "message": f"{row.name} answered {status} without an answer: {missing}",
        "http_status": status,
        "raw": raw,
        **_about(response),
    }
    # An answer with changed values was paid for, and a repeat would give the same: do not retry here.
    return Reject(**about, elsewhere=True) if changed else Retry(**about)
