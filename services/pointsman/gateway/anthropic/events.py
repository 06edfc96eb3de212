"""Converts the chunks of an OpenAI chat completion to the events of an Anthropic message stream.

Anthropic's blocks follow one another, while chat chunks may interleave several. So the first open block is
streamed, and the others wait until it ends: thinking ends when text or a tool call begins, text when thinking
or a tool call begins.
"""

from typing import Any

from pointsman.gateway.anthropic.response import THOUGHTS, message_of, stop_reason, usage_of
from pointsman.gateway.completion import answer_choice, first_choice, json_object, string
from pointsman.gateway.errors import ApiError
from pointsman_schemas.base import Json

#: The name and the data of a server-sent event.
NamedEvent = tuple[str, Json]
_TEXT = -1
#: The key of the first thinking block; further ones count down from it.
_THOUGHT = -2


class MessageEvents:
    """The events of one answer. `model`: the name to report; by default that of the first chunk."""

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._begun = False
        self._blocks: dict[int, _Block] = {}
        self._open: _Block | None = None
        self._count = 0
        self._finish: object = None
        self._refused = False
        self._usage: object = None

    def start(self) -> list[NamedEvent]:
        """Return nothing: the first chunk gives the message's id and model."""
        return []

    def feed(self, chunk: Json) -> list[NamedEvent]:
        """Return the events for one chunk."""
        events = self._begin(chunk)
        self._usage = chunk.get("usage") or self._usage
        choice = first_choice(chunk)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            events += self._take(delta)
        self._finish = choice.get("finish_reason") or self._finish
        return events

    def end(self, completion: Json | None = None) -> list[NamedEvent]:
        """Return the remaining events.

        `completion`: the whole answer, whose usage is preferred to the chunks'.
        """
        events = self._begin(completion or {})
        if completion is not None:
            self._usage = completion.get("usage") or self._usage
            self._finish = self._finish or answer_choice(completion).get("finish_reason")
        events += self._close()
        for block in [block for block in self._blocks.values() if not block.done]:
            events += [*self._start(block), *self._close()]
        delta = {
            "stop_reason": stop_reason(
                self._finish, refused=self._refused, calls=any(key >= 0 for key in self._blocks)
            ),
            "stop_sequence": None,
        }
        events.append(
            ("message_delta", {"type": "message_delta", "delta": delta, "usage": usage_of(self._usage)})
        )
        events.append(("message_stop", {"type": "message_stop"}))
        return events

    def fail(self, error: ApiError) -> list[NamedEvent]:
        """Return the error event, which ends the stream."""
        return [("error", error.anthropic)]

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
        thoughts = delta.get("thinking_blocks")
        for place, thought in enumerate(thoughts if isinstance(thoughts, list) else []):
            if isinstance(thought, dict):
                events += self._add_thought(thought, place)
        for words in (delta.get("content"), refusal):
            if isinstance(words, str) and words:
                events += self._close_others(_TEXT)
                events += self._add(_TEXT, words)
        calls = delta.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else []):
            if isinstance(call, dict):
                events += self._add_call(call, place)
        return events

    def _add_thought(self, thought: Json, place: int) -> list[NamedEvent]:
        key = _THOUGHT - _number(thought, place)
        if key not in self._blocks and thought.get("type") not in THOUGHTS:
            return []
        events = self._close_others(key)
        block = self._blocks.setdefault(key, _Block(key))
        block.id = block.id or thought.get("type")
        block.data = block.data or thought.get("data")
        if block.done:
            return events
        events += self._add(key, string(thought.get("thinking")))
        block.signature = string(thought.get("signature")) or block.signature
        if self._open is block and (block.signature or block.id == "redacted_thinking"):
            events += self._close()
        return events

    def _add_call(self, call: Json, place: int) -> list[NamedEvent]:
        key = _number(call, place)
        block = self._blocks.setdefault(key, _Block(key))
        function = json_object(call.get("function"))
        block.id = block.id or call.get("id")
        block.name = block.name or function.get("name")
        events = self._close_others(key)
        return events + self._add(key, string(function.get("arguments")))

    def _add(self, key: int, written: str) -> list[NamedEvent]:
        # Text after a tool call or a thought is a new block.
        if key == _TEXT and key in self._blocks and self._blocks[key].done:
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
        return [_delta(block, block.delta(written))]

    def _close_others(self, key: int) -> list[NamedEvent]:
        """Close the open block, unless it is a tool call: chunks of several calls may interleave."""
        if self._open is None or self._open.key == key or self._open.key > _TEXT:
            return []
        return self._close()

    def _close(self) -> list[NamedEvent]:
        if self._open is None:
            return []
        events, block = self._flush(), self._open
        if block.signature:
            signed = {"type": "signature_delta", "signature": block.signature}
            events.append(_delta(block, signed))
        block.done, self._open = True, None
        return [*events, ("content_block_stop", {"type": "content_block_stop", "index": block.place})]


def _delta(block: "_Block", delta: Json) -> NamedEvent:
    return "content_block_delta", {"type": "content_block_delta", "index": block.place, "delta": delta}


def _number(item: Json, place: int) -> int:
    number = item.get("index")
    return number if isinstance(number, int) and number >= 0 else place


class _Block:
    """One block. `waiting`: text not sent yet.

    `id`: the id of a tool call, or the type of a thinking block.
    """

    def __init__(self, key: int) -> None:
        self.key = key
        self.place = 0
        self.id: Any = None
        self.name: Any = None
        self.data: Any = None
        self.signature = ""
        self.waiting: list[str] = []
        self.done = False

    @property
    def ready(self) -> bool:
        """Whether the block can be opened: a tool call needs its id and name."""
        return self.key < 0 or bool(self.id and self.name)

    @property
    def empty(self) -> Json:
        if self.key == _TEXT:
            return {"type": "text", "text": ""}
        if self.id == "redacted_thinking":
            return {"type": self.id, "data": self.data or ""}
        if self.key <= _THOUGHT:
            return {"type": "thinking", "thinking": "", "signature": ""}
        return {
            "type": "tool_use",
            "id": self.id or f"toolu_{self.key}",
            "name": self.name or "",
            "input": {},
        }

    def delta(self, written: str) -> Json:
        if self.key == _TEXT:
            return {"type": "text_delta", "text": written}
        if self.key <= _THOUGHT:
            return {"type": "thinking_delta", "thinking": written}
        return {"type": "input_json_delta", "partial_json": written}
