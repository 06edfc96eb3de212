"""Makes the client's chunks from a job's chunks and its outcome. Pure.

Invariants:
- What the client received is a prefix of the outcome's answer, and the rest follows; else it gets an error.
- Chunks of another call continue the stream only if what was sent is a prefix of them.
- The finish reasons, and the usage if requested, come from the outcome alone.
"""

from collections.abc import Iterator
from typing import Any

from pointsman_schemas.base import Json
from pointsman_schemas.chunks import JobChunk

#: Fields of a message that are streamed, texts and lists of items with a text; reasoning comes first.
_TEXTS = ("reasoning_content", "reasoning", "thinking_blocks", "content", "refusal", "tool_calls")
_LISTS = ("thinking_blocks", "tool_calls")
#: The field with the arguments, for each kind of call.
_CALLED = {"function": "arguments", "custom": "input"}
#: Fields of the whole answer that every chunk repeats.
_TOP = ("id", "created", "model", "system_fingerprint", "service_tier")

#: The number of a choice, the name of a text or list of its message, and the index in the list.
_Field = tuple[int, str, int]


class DivergedError(Exception):
    """The answer does not begin with what the client received."""


class ChatStream:
    """The stream of one request. `include_usage`: whether the last chunk has the usage."""

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._top: Json = {}
        self._sent: dict[_Field, str] = {}
        self._begun: set[int] = set()
        self._items_begun: dict[_Field, object] = {}  # the items' ids, None for an item without
        self._signed: set[_Field] = set()
        self._call: object = None
        self._index = 0
        self._anew: dict[_Field, str] | None = None
        self._is_broken = False

    def feed(self, chunk: JobChunk) -> list[Json]:
        """Return the chunks to send for one of the job's chunks.

        Raises:
            DivergedError: another call to a provider gives a different answer.
        """
        if chunk.call != self._call:
            self._anew = {} if self._call is not None else None
            self._call, self._index, self._is_broken = chunk.call, 0, False
        if chunk.index < self._index:
            return []  # a duplicate
        if chunk.index > self._index:
            self._is_broken = True  # a chunk is missing; the outcome has its text
        self._index = chunk.index + 1
        if self._is_broken:
            return []
        chunks: list[Json] = []
        for event in chunk.events:
            chunks += self._event(event)
        return chunks

    def end(self, completion: Json) -> list[Json]:
        """Return the rest of the answer, its finish reasons and its usage.

        Raises:
            DivergedError: the answer does not begin with what was sent.
        """
        self._know(completion)
        chunks: list[Json] = []
        for place, choice in enumerate(_list(completion.get("choices"))):
            if not isinstance(choice, dict):
                continue
            number = _number(choice.get("index"), place)
            message = choice.get("message")
            if isinstance(message, dict):
                chunks += self._rest(number, message)
            finish = {"index": number, "delta": {}, "logprobs": None}
            chunks.append(self._chunk([{**finish, "finish_reason": choice.get("finish_reason") or "stop"}]))
        if self._include_usage:
            chunks.append({**self._chunk([]), "usage": completion.get("usage")})
        return chunks

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
        """Yield chunks of another call, once they go beyond what was sent of the first call."""
        assert self._anew is not None
        for name, text in _texts(number, delta):
            self._anew[name] = self._anew.get(name, "") + text
            sent, now = self._sent.get(name, ""), self._anew[name]
            if not (now.startswith(sent) or sent.startswith(now)) or self._is_other(name, delta):
                raise DivergedError
            if len(now) > len(sent) or self._is_new_item(name):
                yield from self._send(name, now[len(sent) :], delta)
            if now.startswith(sent):
                yield from self._sign(name, delta)

    def _rest(self, number: int, message: Json) -> Iterator[Json]:
        if number not in self._begun:
            lists = {name: _list(message.get(name)) for name in _LISTS}
            numbered = {
                name: [{"index": at, **item} for at, item in enumerate(items)]
                for name, items in lists.items()
                if items
            }
            yield self._delta(number, {**message, **numbered})
            return
        full_texts = dict(_texts(number, message))
        for name, sent in self._sent.items():
            if name[0] != number:
                continue
            if not full_texts.get(name, "").startswith(sent) or self._is_other(name, message):
                raise DivergedError
        for name, text in full_texts.items():
            if len(text) > len(self._sent.get(name, "")) or self._is_new_item(name):
                yield from self._send(name, text[len(self._sent.get(name, "")) :], message)
            yield from self._sign(name, message)

    def _send(self, name: _Field, text: str, holder: Json) -> Iterator[Json]:
        number, field, place = name
        self._sent[name] = self._sent.get(name, "") + text
        if number not in self._begun:  # no chunk of the first call has arrived
            self._begun.add(number)
            yield self._delta(number, {"role": "assistant"})
        if field not in _LISTS:
            yield self._delta(number, {field: text})
            return
        full_item = _item_at(holder, field, place)
        is_new = self._is_new_item(name)
        self._items_begun.setdefault(name, full_item.get("id"))
        if field == "thinking_blocks":
            if is_new and isinstance(full_item.get("signature"), str):
                self._signed.add(name)
            item = full_item if is_new else {"thinking": text}
        else:
            kind = "custom" if isinstance(full_item.get("custom"), dict) else "function"
            called: Json = {_CALLED[kind]: text}
            item = {kind: called}
            if is_new:
                earlier = full_item.get(kind)
                called = {**earlier, **called} if isinstance(earlier, dict) else called
                item = {**full_item, "type": full_item.get("type", kind), kind: called}
        yield self._delta(number, {field: [{**item, "index": place}]})

    def _sign(self, name: _Field, holder: Json) -> Iterator[Json]:
        """Yield a thought's signature, once its text was sent; it comes last."""
        number, field, place = name
        if field == "thinking_blocks" and name not in self._signed:
            signature = _item_at(holder, field, place).get("signature")
            if isinstance(signature, str) and signature:
                self._signed.add(name)
                yield self._delta(number, {field: [{"index": place, "signature": signature}]})

    def _is_other(self, name: _Field, holder: Json) -> bool:
        """Whether a tool call with another id was sent at this index: tool results name calls by id."""
        _, field, place = name
        id, earlier_id = _item_at(holder, field, place).get("id"), self._items_begun.get(name)
        return field in _LISTS and bool(id and earlier_id) and id != earlier_id

    def _is_new_item(self, name: _Field) -> bool:
        return name[1] in _LISTS and name not in self._items_begun

    def _note_begun(self, number: int, delta: Json) -> None:
        self._begun.add(number)
        for name, _ in _texts(number, delta):
            if name[1] in _LISTS:
                item = _item_at(delta, name[1], name[2])
                self._items_begun[name] = self._items_begun.get(name) or item.get("id")
                if item.get("signature"):
                    self._signed.add(name)

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
    """Yield the texts of a delta or message."""
    for name in _TEXTS:
        value = holder.get(name)
        if name in _LISTS:
            for place, item in enumerate(_list(value)):
                if isinstance(item, dict):
                    yield (number, name, _number(item.get("index"), place)), _text_in(item)
        elif isinstance(value, str):
            yield (number, name, 0), value


def _text_in(item: Json) -> str:
    """Return the arguments of a call, or the text of a thought."""
    called = [(item.get(kind), name) for kind, name in _CALLED.items()]
    texts = [call.get(name) for call, name in called if isinstance(call, dict)]
    texts += [item.get("thinking"), item.get("data")]
    return next((text for text in texts if isinstance(text, str)), "")


def _item_at(holder: Json, name: str, place: int) -> Json:
    for at, item in enumerate(_list(holder.get(name))):
        if isinstance(item, dict) and _number(item.get("index"), at) == place:
            return item
    return {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
