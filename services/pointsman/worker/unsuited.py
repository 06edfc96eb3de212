"""A call that another model may serve better: a request beyond its window, an empty answer. Pure."""

from typing import Any

from pointsman.worker.answer import Answer, Reject, Retry
from pointsman.worker.ends import End, end_of
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import FailReason

_CODES = {
    "context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded", "input_too_long",
    "prompt_too_long", "request_too_large", "max_tokens_exceeded", "string_above_max_length",
}  # fmt: skip
_WORDS = (
    "maximum context length", "context length exceeded", "context window", "context_length",
    "prompt is too long",
    "input is too long", "request too large", "too many tokens", "exceeds the model's maximum",
    "input token count",
    "exceeds the maximum number of tokens", "reduce the length of the messages", "context size",
)  # fmt: skip
#: The statuses by which a request is refused, and so much of the message that is looked at.
_STATUSES = (400, 413, 422)
_LONGEST = 2_000
#: Where a message has what was asked for.
_CONTENT = ("content", "tool_calls", "function_call", "refusal", "audio")


def is_too_long(result: Reject) -> bool:
    """Whether the request was refused as longer than the model's window."""
    if result.reason is not FailReason.BAD_REQUEST or result.http_status not in _STATUSES:
        return False
    error = (result.response or {}).get("error")
    told = [error.get("code"), error.get("type")] if isinstance(error, dict) else []
    if result.http_status == 413 or any(isinstance(code, str) and code.lower() in _CODES for code in told):
        return True
    said = result.message[:_LONGEST].lower()
    return any(words in said for words in _WORDS)


def is_empty(answer: Answer) -> bool:
    """Whether no choice has any content; what a filter took away was not empty."""
    choices = answer.response.get("choices")
    return isinstance(choices, list) and bool(choices) and all(map(_is_empty_choice, choices))


def as_failure(answer: Answer, provider: str) -> Retry:
    """An empty answer that is tried elsewhere; it was paid for."""
    return Retry(
        reason=FailReason.BAD_RESPONSE,
        message=f"{provider} answered {answer.http_status} with an empty answer, so another model is asked",
        http_status=answer.http_status,
        response=answer.response,
        model=answer.model,
        usage=answer.usage,
    )


def _is_empty_choice(choice: Any) -> bool:
    message: Json | None = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict) or end_of(choice.get("finish_reason")) is End.FILTERED:
        return False
    return not any(_says(message.get(name)) for name in _CONTENT)


def _says(content: Any) -> bool:
    match content:
        case str():
            return bool(content.strip())
        case list():
            return any(_says(part.get("text", part) if isinstance(part, dict) else part) for part in content)
    return bool(content)
