"""Parses a streamed answer into chunks to pass on, and folds them into one body. Pure."""

from typing import Any

from pointsman.worker.providers.lenient_json import read_json
from pointsman.worker.providers.raw_body import MOST_OF_AN_ERROR
from pointsman.worker.providers.streaming.completion_fold import CompletionFold
from pointsman.worker.providers.streaming.server_events import EventReader, EventTooLargeError, ServerEvent
from pointsman.worker.providers.wire_format import EventTranslator
from pointsman_schemas.base import Json

#: The most events of one answer, and the most bytes of its stream, which has some hundred bytes per token.
_MOST_EVENTS = 1_000_000
_MOST_BYTES = 256 * 1024 * 1024
_DONE = b"[DONE]"
_ERROR = b"error"


class AnswerStream:
    """Feed it bytes until `is_over`.

    `stopped_by`: the data of an event that is not part of an answer, such as an error. `beginning`: the bytes
    before the answer's first event.
    """

    def __init__(self, most: int, translator: EventTranslator | None = None) -> None:
        """`most`: bytes of the body, and of one event. `translator`: for events not in OpenAI's format."""
        self.fold = CompletionFold()
        self.is_over = self.is_too_large = False
        self.stopped_by: bytes | None = None
        self.beginning = bytearray()
        self._translator = translator
        self._most = most
        self._reader = EventReader(most)
        self._events = self._bytes = 0

    def feed(self, data: bytes) -> list[Json]:
        """Return the chunks that are complete now."""
        if not self._events:
            self.beginning += data[: MOST_OF_AN_ERROR - len(self.beginning)]
        self._bytes += len(data)
        try:
            events = self._reader.feed(data)
        except EventTooLargeError:
            self.is_over = self.is_too_large = True
            return []
        return self._take(events)

    def finish(self) -> list[Json]:
        """End the stream; return the last chunks."""
        return [] if self.is_over else self._take(self._reader.finish())

    def _take(self, events: list[ServerEvent]) -> list[Json]:
        chunks = []
        for event in events:
            pieces = self._pieces(event)
            for piece in pieces:
                self.fold.add(piece)
            chunks += pieces
            if self.is_over:
                break
        self._events += len(chunks)
        if self._events > _MOST_EVENTS or self._bytes > _MOST_BYTES or self.fold.size > self._most:
            self.is_over = self.is_too_large = True
        return chunks

    def _pieces(self, event: ServerEvent) -> list[Json]:
        """Convert an event to chunks; none for events such as keep-alives."""
        data = event.data.strip()
        if not data:
            return []
        if data == _DONE:
            self.is_over = True
            return []
        try:
            chunk: Any = read_json(data)[0]
        except ValueError:
            self._stop(data)
            return []
        if not isinstance(chunk, dict) or chunk.get("error") or event.name == _ERROR:
            if isinstance(chunk, dict) and self._translator is None:
                self.fold.add(chunk)
            self._stop(data)
            return []
        if self._translator is not None:
            pieces = self._translator.chunks(chunk)
            if pieces is None:
                self._stop(data)
                return []
            self.is_over = self._translator.is_over
            return pieces
        return [chunk] if isinstance(chunk.get("choices"), list) or chunk.get("usage") else []

    def _stop(self, data: bytes) -> None:
        self.stopped_by = data
        self.is_over = True
