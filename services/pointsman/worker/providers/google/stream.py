"""Converts the chunks of a Google answer to chat completion chunks."""

from typing import Any

from pointsman.worker.providers.chat.completions import chunk_of, usage_chunk
from pointsman.worker.providers.google.response import (
    blocked,
    call_of,
    candidate_of,
    finish_reason,
    parts_of,
    top_of,
    usage_of,
)
from pointsman_schemas.base import Json


class GoogleEvents:
    """See `EventTranslator`. `created`: when the stream began, in seconds since 1970."""

    def __init__(self, created: int) -> None:
        self.is_over = False
        self._top: Json = {"id": None, "created": created, "model": None}
        self._begun = self._has_text = False
        self._calls = 0
        self._usage: Any = None

    def chunks(self, event: Json) -> list[Json] | None:
        """See `EventTranslator`; no event marks the end of the stream."""
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
        return pieces if finish is None else [*pieces, *self._finish(finish)]

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

    def _finish(self, finish: str) -> list[Json]:
        pieces = [self._chunk({} if self._has_text else {"content": None}, finish)]
        usage = usage_of(self._usage)
        return pieces if usage is None else [*pieces, usage_chunk(self._top, usage)]

    def _chunk(self, delta: Json, finish: str | None = None) -> Json:
        return chunk_of(self._top, delta, finish)
