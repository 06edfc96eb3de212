"""Converts the chunks of a Google answer to chat completion chunks."""

from typing import Any

from pointsman.worker.providers.chat.completions import CompletionChunks
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


class GoogleEvents(CompletionChunks):
    """See `EventTranslator`."""

    def __init__(self, created: int) -> None:
        super().__init__(created)
        self.is_over = self._begun = False
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
        return pieces if finish is None else [*pieces, *self._end(finish, usage_of(self._usage))]

    def _said(self, part: Json) -> list[Json]:
        if isinstance(part.get("functionCall"), dict):
            call = {"index": self._calls, **call_of(part, self._top["id"], self._calls)}
            self._calls += 1
            return [self._chunk({"tool_calls": [call]})]
        text = part.get("text")
        if part.get("thought") is not True:
            return self._text(text)
        return [self._chunk({"reasoning_content": text})] if isinstance(text, str) and text else []
