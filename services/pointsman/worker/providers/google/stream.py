"""An answer of Google's, whole or in pieces, as a chat completion or pieces of one."""

from typing import Any

from pointsman.worker.providers.chat.completions import chunk_of, completion_of, usage_chunk
from pointsman.worker.providers.google.response import (
    blocked,
    call_of,
    candidate_of,
    finish_reason,
    is_answer,
    parts_of,
    top_of,
    usage_of,
)
from pointsman_schemas.base import Json


class GoogleEvents:
    """See `EventTranslator`. `created`: when the stream began, seconds since 1970."""

    def __init__(self, created: int) -> None:
        self.is_over = False
        self._top: Json = {"id": None, "created": created, "model": None}
        self._begun = self._has_text = False
        self._calls = 0
        self._usage: Any = None

    def chunks(self, event: Json) -> list[Json] | None:
        """See `EventTranslator`; its end is the end of the stream."""
        if blocked(event) is not None:
            return None
        self._top |= {name: value for name, value in top_of(event).items() if value is not None}
        self._usage = event.get("usageMetadata") or self._usage
        candidate = candidate_of(event)
        if candidate is None:
            return []
        pieces = [] if self._begun else [self._chunk({"role": "assistant", "refusal": None})]
        self._begun = True
        for part in parts_of(candidate):
            pieces += self._said(part)
        finish = finish_reason(candidate.get("finishReason"), calls=bool(self._calls))
        if finish is None:
            return pieces
        return [*pieces, self._chunk({} if self._has_text else {"content": None}, finish), *self.usage()]

    def usage(self) -> list[Json]:
        """The piece with the tokens, where they are told."""
        usage = usage_of(self._usage)
        return [] if usage is None else [usage_chunk(self._top, usage)]

    def _said(self, part: Json) -> list[Json]:
        text = part.get("text")
        if isinstance(part.get("functionCall"), dict):
            call = {"index": self._calls, **call_of(part, self._top["id"], self._calls)}
            self._calls += 1
            return [self._chunk({"tool_calls": [call]})]
        if not isinstance(text, str) or not text:
            return []
        if part.get("thought") is True:
            return [self._chunk({"reasoning_content": text})]
        self._has_text = True
        return [self._chunk({"content": text})]

    def _chunk(self, delta: Json, finish: str | None = None) -> Json:
        return chunk_of(self._top, delta, finish)


def to_completion(body: Json, created: int) -> Json | None:
    """The completion, or the error that a blocked prompt is; None where the body is neither."""
    if (error := blocked(body)) is not None:
        return error
    if not is_answer(body):
        return None
    events = GoogleEvents(created)
    return {"choices": [], **completion_of([*(events.chunks(body) or ()), *events.usage()])}
