"""A body that came with status 200: an answer, or nothing that can be used."""

from typing import Any

from pointsman.bus.json import parse_object
from pointsman.worker.answer import Answer, Reject, Result, Retry
from pointsman.worker.usage import usage_of
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import FailReason

#: An answer travels in two records, with its request: more would not fit a topic's largest batch.
MAX_RESPONSE_BYTES = 4 * 1024 * 1024


def read_answer(provider: str, status: int, content: bytes) -> Result:
    """What `content` amounts to. A body that no record of ours could carry counts as broken."""
    if len(content) > MAX_RESPONSE_BYTES:
        said = f"{provider} answered {len(content):,} bytes; at most {MAX_RESPONSE_BYTES:,} are taken"
        return Reject(reason=FailReason.BAD_RESPONSE, message=said, http_status=status)
    try:
        body = parse_object(content)
    except ValueError as error:
        said = f"{provider} answered {status} with a body that cannot be used: {error}"
        return Retry(reason=FailReason.BAD_RESPONSE, message=said, http_status=status, cause=error)
    model = body.get("model")
    model = model if isinstance(model, str) and model else None
    usage = usage_of(body)
    if wrong := _what_is_missing(body):
        return Retry(
            reason=FailReason.BAD_RESPONSE,
            message=f"{provider} answered {status} without an answer: {wrong}",
            http_status=status,
            response=body,
            model=model,
            usage=usage,
        )
    return Answer(http_status=status, response=body, model=model, usage=usage)


def _what_is_missing(body: Json) -> str | None:
    match body.get("choices"):
        case [{"message": dict()}, *_]:
            return None
        case []:
            return "choices is empty"
        case None:
            return _error_in(body.get("error")) or "choices is missing"
    return "choices[0].message is missing"


def _error_in(error: Any) -> str | None:
    """Some gateways send their errors with status 200."""
    message = error.get("message") if isinstance(error, dict) else error
    return message[:500] if isinstance(message, str) else None
