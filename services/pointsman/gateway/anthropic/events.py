"""Pieces of OpenAI's chat as the events of a stream of Anthropic's messages.

Blocks come one after the other there, and pieces of several may be mixed here. So the first block that is
begun streams, and what belongs to others waits until the end; text ends when a tool's call begins.
"""

from typing import Any

from pointsman.gateway.anthropic.response import first_choice, message_of, stop_reason, usage_of
from pointsman_schemas.base import Json

#: A name and its data, as server-sent events have them.
NamedEvent = tuple[str, Json]
_TEXT = -1


class MessageEvents:
    """Of one answer. `model`: what the caller is told; else what the first piece says."""

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._begun = False
        self._blocks: dict[int, _Block] = {}
        self._open: _Block | None = None
        self._count = 0
        self._finish: object = None
        self._refused = False
        self._usage: object = None

    def feed(self, chunk: Json) -> list[NamedEvent]:
        """What follows from a piece."""
        events = self._begin(chunk)
        self._usage = chunk.get("usage") or self._usage
        choice = first_choice(chunk)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            events += self._take(delta)
        self._finish = choice.get("finish_reason") or self._finish
        return events

    def end(self, completion: Json | None = None) -> list[NamedEvent]:
        """What is left, and the end; `completion`: the whole answer, which knows the usage best."""
        events = self._begin(completion or {})
        if completion is not None:
            self._usage = completion.get("usage") or self._usage
            self._finish = self._finish or first_choice(completion).get("finish_reason")
        events += self._close()
        for block in [block for block in self._blocks.values() if not block.done]:
            events += [*self._start(block), *self._close()]
        delta = {
            "stop_reason": stop_reason(self._finish, refused=self._refused),
            "stop_sequence": None,
        }
        events.append(
            ("message_delta", {"type": "message_delta", "delta": delta, "usage": usage_of(self._usage)})
        )
        events.append(("message_stop", {"type": "message_stop"}))
        return events

    def _begin(self, chunk: Json) -> list[NamedEvent]:
        if self._begun:
            return []
        self._begun = True
        model = self._model or str(chunk.get("model") or "")
        message = message_of(chunk.get("id"), model, [], None, usage_of(chunk.get("usage")))
        return [("message_start", {"type": "message_start", "message": message})]

    def _take(self, delta: Json) -> list[NamedEvent]:
        events: list[NamedEvent] = []
        refusal = delta.get("refusal")
        self._refused = self._refused or bool(refusal)
        for words in (delta.get("content"), refusal):
            if isinstance(words, str) and words:
                events += self._add(_TEXT, words)
        calls = delta.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else []):
            if isinstance(call, dict):
                events += self._add_call(call, place)
        return events

    def _add_call(self, call: Json, place: int) -> list[NamedEvent]:
        number = call.get("index")
        key = number if isinstance(number, int) and number >= 0 else place
        block = self._blocks.setdefault(key, _Block(key))
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        block.id = block.id or call.get("id")
        block.name = block.name or function.get("name")
        events: list[NamedEvent] = []
        if self._open is not None and self._open.key == _TEXT:
            events += self._close()
        written = function.get("arguments")
        return events + self._add(key, written if isinstance(written, str) else "")

    def _add(self, key: int, written: str) -> list[NamedEvent]:
        if key in self._blocks and self._blocks[key].done:  # text behind a tool's call is another block
            del self._blocks[key]
        block = self._blocks.setdefault(key, _Block(key))
        block.waiting.append(written)
        first = next(other for other in self._blocks.values() if not other.done)
        if self._open is None and block is first and block.ready:
            return self._start(block)
        return self._flush() if self._open is block else []

    def _start(self, block: "_Block") -> list[NamedEvent]:
        self._open, block.place = block, self._count
        self._count += 1
        begun = {"type": "content_block_start", "index": block.place, "content_block": block.empty}
        return [("content_block_start", begun), *self._flush()]

    def _flush(self) -> list[NamedEvent]:
        block = self._open
        assert block is not None, "one has begun"
        written = "".join(block.waiting)
        block.waiting.clear()
        if not written:
            return []
        delta = block.delta(written)
        return [
            ("content_block_delta", {"type": "content_block_delta", "index": block.place, "delta": delta})
        ]

    def _close(self) -> list[NamedEvent]:
        if self._open is None:
            return []
        events, block = self._flush(), self._open
        block.done, self._open = True, None
        return [*events, ("content_block_stop", {"type": "content_block_stop", "index": block.place})]


class _Block:
    """One block; `waiting`: what was not sent of it yet."""

    def __init__(self, key: int) -> None:
        self.key = key
        self.place = 0
        self.id: Any = None
        self.name: Any = None
        self.waiting: list[str] = []
        self.done = False

    @property
    def ready(self) -> bool:
        """Whether its beginning is known."""
        return self.key == _TEXT or bool(self.id and self.name)

    @property
    def empty(self) -> Json:
        if self.key == _TEXT:
            return {"type": "text", "text": ""}
        return {
            "type": "tool_use",
            "id": self.id or f"toolu_{self.key}",
            "name": self.name or "",
            "input": {},
        }

    def delta(self, written: str) -> Json:
        if self.key == _TEXT:
            return {"type": "text_delta", "text": written}
        return {"type": "input_json_delta", "partial_json": written}
