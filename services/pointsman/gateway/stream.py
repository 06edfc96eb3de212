"""From pieces of an answer and its outcome to the chunks that a client is sent. Pure.

Invariants:
- What a client was sent is the beginning of what the outcome holds, and the rest follows; otherwise it is
  told that the stream is broken.
- Another call's pieces go on only where what was sent is the beginning of them.
- The finish reasons, and the usage where it was asked for, come from the outcome alone.
"""

from collections.abc import Iterator
from typing import Any

from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk

#: Texts of a message that come in pieces.
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
#: What belongs to the whole answer and stands in every chunk of it.
_TOP = ("id", "created", "model", "system_fingerprint", "service_tier")

#: A choice, and a text of its message, or `tool_calls` and the number of one.
_Field = tuple[int, str, int]


class DivergedError(Exception):
    """The answer does not begin with what was sent of it."""


class ChatStream:
    """Of one request. `include_usage`: whether a chunk with the usage ends it."""

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._top: Json = {}
        self._sent: dict[_Field, str] = {}
        self._begun: set[int] = set()
        self._calls_begun: set[tuple[int, int]] = set()
        self._call: object = None
        self._index = 0
        self._anew: dict[_Field, str] | None = None
        self._is_broken = False

    def feed(self, chunk: JobChunk) -> list[Json]:
        """The chunks to send for a piece.

        Raises:
            DivergedError: another call answers something else.
        """
        if chunk.call != self._call:
            self._anew = {} if self._call is not None else None
            self._call, self._index, self._is_broken = chunk.call, 0, False
        if chunk.index < self._index:
            return []  # it came twice
        if chunk.index > self._index:
            self._is_broken = True  # a piece is missing: the outcome has it
        self._index = chunk.index + 1
        if self._is_broken:
            return []
        made: list[Json] = []
        for event in chunk.events:
            made += self._event(event)
        return made

    def end(self, completion: Json) -> list[Json]:
        """What is left to send of the whole answer, its finish reasons and its usage.

        Raises:
            DivergedError: it does not begin with what was sent.
        """
        self._know(completion)
        made: list[Json] = []
        for place, choice in enumerate(_list(completion.get("choices"))):
            if not isinstance(choice, dict):
                continue
            number = _number(choice.get("index"), place)
            message = choice.get("message")
            if isinstance(message, dict):
                made += self._rest(number, message)
            finish = {"index": number, "delta": {}, "logprobs": None}
            made.append(self._chunk([{**finish, "finish_reason": choice.get("finish_reason") or "stop"}]))
        if self._include_usage:
            made.append({**self._chunk([]), "usage": completion.get("usage")})
        return made

    def _event(self, event: Json) -> Iterator[Json]:
        self._know(event)
        for place, choice in enumerate(_list(event.get("choices"))):
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if not isinstance(delta, dict):
                continue
            number = _number(choice.get("index"), place)
            if self._anew is not None:
                yield from self._go_on(number, delta)
                continue
            for name, text in _texts(number, delta):
                self._sent[name] = self._sent.get(name, "") + text
            self._note_begun(number, delta)
            if delta:
                yield self._chunk([{**choice, "index": number, "finish_reason": None}])

    def _go_on(self, number: int, delta: Json) -> Iterator[Json]:
        """Of another call: send what goes beyond what was sent."""
        assert self._anew is not None
        for name, text in _texts(number, delta):
            self._anew[name] = self._anew.get(name, "") + text
            sent, now = self._sent.get(name, ""), self._anew[name]
            if not (now.startswith(sent) or sent.startswith(now)):
                raise DivergedError
            if len(now) > len(sent):
                yield from self._send(name, now[len(sent) :], delta)

    def _rest(self, number: int, message: Json) -> Iterator[Json]:
        if number not in self._begun:
            calls = [{"index": at, **call} for at, call in enumerate(_list(message.get("tool_calls")))]
            yield self._delta(number, {**message, "tool_calls": calls} if calls else message)
            return
        whole = dict(_texts(number, message))
        for name, sent in self._sent.items():
            if name[0] == number and not whole.get(name, "").startswith(sent):
                raise DivergedError
        for name, text in whole.items():
            if len(text) > len(self._sent.get(name, "")) or self._is_new_call(name):
                yield from self._send(name, text[len(self._sent.get(name, "")) :], message)

    def _send(self, name: _Field, text: str, holder: Json) -> Iterator[Json]:
        number, field, place = name
        self._sent[name] = self._sent.get(name, "") + text
        if field != "tool_calls":
            yield self._delta(number, {field: text})
            return
        function: Json = {"arguments": text}
        call: Json = {"index": place, "function": function}
        if self._is_new_call(name):
            self._calls_begun.add((number, place))
            whole = _call_at(holder, place)
            called = whole.get("function")
            function = {**called, **function} if isinstance(called, dict) else function
            call = {**whole, "index": place, "type": whole.get("type", "function"), "function": function}
        yield self._delta(number, {"tool_calls": [call]})

    def _is_new_call(self, name: _Field) -> bool:
        return name[1] == "tool_calls" and (name[0], name[2]) not in self._calls_begun

    def _note_begun(self, number: int, delta: Json) -> None:
        self._begun.add(number)
        for place, call in enumerate(_list(delta.get("tool_calls"))):
            if isinstance(call, dict):
                self._calls_begun.add((number, _number(call.get("index"), place)))

    def _know(self, holder: Json) -> None:
        for name in _TOP:
            if name in holder:
                self._top.setdefault(name, holder[name])

    def _delta(self, number: int, delta: Json) -> Json:
        return self._chunk([{"index": number, "delta": delta, "logprobs": None, "finish_reason": None}])

    def _chunk(self, choices: list[Json]) -> Json:
        usage = {"usage": None} if self._include_usage else {}
        return {**self._top, "object": "chat.completion.chunk", **usage, "choices": choices}


def _texts(number: int, holder: Json) -> Iterator[tuple[_Field, str]]:
    """The texts of a delta or of a message."""
    for name in _TEXTS:
        text = holder.get(name)
        if isinstance(text, str):
            yield (number, name, 0), text
    for place, call in enumerate(_list(holder.get("tool_calls"))):
        if isinstance(call, dict):
            function = call.get("function")
            arguments = function.get("arguments") if isinstance(function, dict) else None
            at = _number(call.get("index"), place)
            yield (number, "tool_calls", at), arguments if isinstance(arguments, str) else ""


def _call_at(holder: Json, place: int) -> Json:
    for at, call in enumerate(_list(holder.get("tool_calls"))):
        if isinstance(call, dict) and _number(call.get("index"), at) == place:
            return call
    return {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
