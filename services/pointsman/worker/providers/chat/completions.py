"""Makes a chat completion from an answer in another format; pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers.lenient_json import read_json
from pointsman.worker.providers.raw_body import raw_body
from pointsman.worker.providers.response import read_answer
from pointsman.worker.providers.usage import MOST
from pointsman.worker.providers.wire_format import AnswerBody
from pointsman_schemas.base import Json


def read_translated(answered: AnswerBody, translate: Callable[[Json, int], Json | None]) -> Result:
    """Decode a whole body. `translate` gets the body and the seconds since 1970 when it arrived.

    If it returns None, the body is read as an error or as unusable.
    """
    try:
        body, changed = read_json(answered.content)
    except ValueError:
        body, changed = None, False
    completion = translate(body, int(answered.at.timestamp())) if isinstance(body, dict) else None
    if completion is None:
        return read_answer(answered)
    result = read_answer(replace(answered, content=orjson.dumps(completion)))
    return replace(result, raw=raw_body(answered.content, most=answered.most_raw)) if changed else result


def completion_of(body: Json, created: int, message: Json, finish: str | None, usage: Json | None) -> Json:
    """Build a completion with the answer's own `id` and `model`."""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    top = {"id": body.get("id"), "object": "chat.completion", "created": created, "model": body.get("model")}
    return {**top, "choices": [choice], **({} if usage is None else {"usage": usage})}


class CompletionChunks:
    """Builds the chunks of a completion that began at `created`, in seconds since 1970.

    `_top`: the fields that all chunks share.
    """

    def __init__(self, created: int) -> None:
        self._top: Json = {"id": None, "created": created, "model": None}
        self._has_text = False

    def _chunk(self, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._top, "object": "chat.completion.chunk", "choices": [choice]}

    def _text(self, text: Any) -> list[Json]:
        if not isinstance(text, str) or not text:
            return []
        self._has_text = True
        return [self._chunk({"content": text})]

    def _end(self, finish: str, usage: Json | None) -> list[Json]:
        """Return the chunk with the finish reason, and one with the usage if it is known."""
        pieces = [self._chunk({} if self._has_text else {"content": None}, finish)]
        return pieces if usage is None else [*pieces, {**self._chunk({}), "choices": [], "usage": usage}]


def counted(usage: Json, name: str, missing: int | None = None) -> int | None:
    """Return a token count; `missing` if it is absent, None if it is impossible."""
    value = usage.get(name)
    if value is None:
        return missing
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST
    return value if is_count else None


def usage_of_counts(
    prompt: int, answered: int, *, read: int, written: int, reasoning: int, hour: int = 0
) -> Json:
    """Build a usage in OpenAI's shape. `read` from and `written` to a cache are part of `prompt`.

    `hour`: the part of `written` that is cached for an hour.
    """
    cached = {"cached_tokens": read, "cache_write_tokens": written}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answered,
        "total_tokens": prompt + answered,
        "prompt_tokens_details": {**cached, **({"cache_write_1h_tokens": hour} if hour else {})},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
