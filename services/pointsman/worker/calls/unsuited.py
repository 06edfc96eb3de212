"""Empty answers, for which another target may be asked. Pure."""

from typing import Any

from pointsman.cascade.ends import End, end_of
from pointsman.worker.calls.answer import Answer, Retry
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import FailReason

#: Where a message has what was asked for.
_CONTENT = ("content", "tool_calls", "function_call", "refusal", "audio")


def is_empty(answer: Answer) -> bool:
    """Whether no choice has any content; what a filter took away was not empty."""
    choices = answer.response.get("choices")
    return isinstance(choices, list) and bool(choices) and all(map(_is_empty_choice, choices))


def as_failure(answer: Answer, message: str) -> Retry:
    """An answer that is of no use, though it was paid for."""
    return Retry(
        reason=FailReason.BAD_RESPONSE,
        message=message,
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
        case _:
            return bool(content)
