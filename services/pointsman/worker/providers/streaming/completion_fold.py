"""Folds the events of a streamed chat completion into the body of an unstreamed one. Pure.

In deltas, texts are concatenated, lists extended, objects folded by member, and items with an `index` merged
with those of the same index. Any other field keeps its last value.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from pointsman_schemas.base import Json

#: Texts that are repeated as a whole, not continued.
_NAMES = {"id", "type", "role", "name", "format", "signature"}
#: Random characters that hide the length of an event; not part of the answer.
_PADDING = "obfuscation"
#: How many of the last items a delta may continue; the longest name sent in parts.
_MOST_ITEMS = _MOST_NAME = 256
#: The size of an empty choice in bytes.
_CHOICE_BYTES = 80


@dataclass(slots=True, eq=False)
class _Text:
    """A text in parts, which are joined once."""

    parts: list[str]


class CompletionFold:
    """`size`: the approximate bytes of the body so far."""

    def __init__(self) -> None:
        self.size = 0
        self._top: Json = {}
        self._choices: dict[int, Json] = {}
        self._last_calls: dict[int, dict[int | None, Json]] = {}
        self._unfinished: set[int] = set()

    @property
    def is_begun(self) -> bool:
        """Whether there is a choice."""
        return bool(self._choices)

    @property
    def is_whole(self) -> bool:
        """Whether each choice has its finish reason."""
        return self.is_begun and not self._unfinished

    def add(self, chunk: Json) -> None:
        """Fold a `chat.completion.chunk`. Its calls are renumbered in place, as in the whole answer."""
        for name, value in chunk.items():
            if name == "choices":
                self._top.setdefault("choices", [])
                for choice in value if isinstance(value, list) else ():
                    if isinstance(choice, dict):
                        self._add_choice(choice)
            elif name != _PADDING:
                self._replace(self._top, name, value)

    def body(self) -> Json:
        """Return the whole `chat.completion`; empty if there were no events."""
        body: Json = {name: _whole(value) for name, value in self._top.items()}
        if self._choices:
            body["choices"] = [_whole_choice(self._choices[index]) for index in sorted(self._choices)]
        return body | {"object": "chat.completion"} if body else body

    def _add_choice(self, choice: Json) -> None:
        given_index = choice.get("index")
        index = given_index if isinstance(given_index, int) else 0
        own_choice = self._choices.get(index)
        if own_choice is None:
            own_choice = {"index": index, "message": {}, "logprobs": None, "finish_reason": None}
            self._choices[index] = own_choice
            self._unfinished.add(index)
            self.size += _CHOICE_BYTES
        # Some providers send the whole message as the only event.
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._merge(own_choice["message"], delta)
        if isinstance(logprobs := choice.get("logprobs"), dict):
            own_choice["logprobs"] = own_choice["logprobs"] or {}
            self._merge_logprobs(own_choice["logprobs"], logprobs)
        for name, value in choice.items():
            if name not in ("index", "delta", "message", "logprobs"):
                self._replace(own_choice, name, value)
        if own_choice["finish_reason"]:
            self._unfinished.discard(index)

    def _merge(self, into: Json, delta: Json) -> None:
        for name, value in delta.items():
            match value:
                case str() if name in _NAMES:
                    self._merge_name(into, name, value)
                case str():
                    self._merge_text(into, name, value)
                case list():
                    self._merge_list(into, name, value)
                case dict():
                    current = into.get(name)
                    if not isinstance(current, dict):
                        current = into[name] = {}
                        self.size += len(name) + 6
                    self._merge(current, value)
                case _:
                    self._replace(into, name, value)

    def _merge_name(self, into: Json, name: str, value: str) -> None:
        before = into.get(name)
        in_parts = name == "name" and isinstance(before, str) and before != value and len(before) < _MOST_NAME
        self._replace(into, name, f"{before}{value}" if in_parts else value)

    def _merge_text(self, into: Json, name: str, value: str) -> None:
        current = into.get(name)
        self.size += len(value)
        if isinstance(current, _Text):
            current.parts.append(value)
        elif not isinstance(current, list):
            into[name] = _Text([value])
            self.size += len(name) + 6
        elif value:  # the content began as parts and continues as text
            last = current[-1] if current else None
            if isinstance(last, dict) and isinstance(text := last.get("text"), _Text):
                text.parts.append(value)
            else:
                current.append({"type": "text", "text": _Text([value])})
                self.size += 30

    def _merge_list(self, into: Json, name: str, value: list[Any]) -> None:
        items = into.get(name)
        if not isinstance(items, list):
            is_text = isinstance(items, _Text) and any(items.parts)
            items = into[name] = [{"type": "text", "text": items}] if is_text else []
            self.size += len(name) + 6
        for item in value:
            if not isinstance(item, dict):
                items.append(item)
                self.size += _size(item)
                continue
            if name == "tool_calls":
                self._merge_call(items, item)
                continue
            same = _same(items, item)
            if same is None:
                same = {}
                items.append(same)
                self.size += 3
            self._merge(same, item)

    def _merge_call(self, calls: list[Any], item: Json) -> None:
        """Merge with the last call of the same number or, without a number, with the last call.

        An item with a new id and a name begins a new call, as some providers number all calls 0, some from 1
        and some not at all. Calls are renumbered in the order in which they begin.
        """
        last = self._last_calls.setdefault(id(calls), {})
        index = item.get("index") if isinstance(item.get("index"), int) else None
        same = last.get(index)
        function = item.get("function")
        is_named = isinstance(function, dict) and bool(function.get("name")) and bool(item.get("id"))
        if same is None or (is_named and same.get("id") != item["id"]):
            same = {"index": len(calls)}
            calls.append(same)
            self.size += 15
        last[index] = last[None] = same
        item["index"] = same["index"]
        self._merge(same, item)

    def _merge_logprobs(self, into: Json, logprobs: Json) -> None:
        for name, value in logprobs.items():
            entries = into.get(name)
            if isinstance(entries, list) and isinstance(value, list):
                entries += value
                self.size += _size(value)
            else:
                self._replace(into, name, list(value) if isinstance(value, list) else value)

    def _replace(self, into: Json, name: str, value: Any) -> None:
        """Keep the last value, unless it is empty."""
        before = into.get(name)
        if name not in into:
            self.size += len(name) + 4 + _size(value)
        elif value in (None, "") or before == value:
            return
        else:
            self.size += _size(value) - _size(before)
        into[name] = value


def _same(items: list[Any], item: Json) -> Json | None:
    """Return the latest item with the same index."""
    index = item.get("index")
    if not isinstance(index, int):
        return None
    last = islice(reversed(items), _MOST_ITEMS)
    return next((other for other in last if isinstance(other, dict) and other.get("index") == index), None)


def _whole_choice(choice: Json) -> Json:
    """Return the choice with calls and thoughts in order and without `index`, which only streams have."""
    full_choice: Json = _whole(choice)
    for name in ("tool_calls", "thinking_blocks"):
        items = full_choice["message"].get(name)
        if isinstance(items, list):
            items.sort(key=_index)
            for item in items:
                if isinstance(item, dict):
                    item.pop("index", None)
    return full_choice


def _index(item: Any) -> int:
    index = item.get("index") if isinstance(item, dict) else None
    return index if isinstance(index, int) else 0


def _whole(value: Any) -> Any:
    match value:
        case _Text(parts):
            return "".join(parts)
        case dict():
            return {name: _whole(member) for name, member in value.items()}
        case list():
            return [_whole(member) for member in value]
        case _:
            return value


def _size(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case dict() | list() | _Text():
            return len(orjson.dumps(_whole(value)))
        case _:
            return 8
