"""Converts the chunks of a chat completion to the events of a response. Pure.

Invariants:
- The chunks are a prefix of the completion, with the indexes of its tool calls (see `ChatStream`).
- An item is added once, and done at the end, with the content of the final response.
- Items are numbered in order of their start, as in the response, unless text comes after tool calls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.gateway.completion import first_choice, json_object, objects, string
from pointsman.gateway.errors import ApiError
from pointsman.gateway.responses.response import (
    call_item,
    failed,
    logprobs_of,
    message_item,
    pending,
    reasoning_item,
    reasoning_of,
    text_part,
    to_response,
)
from pointsman.gateway.responses.tools import BY_CHAT, BY_ITEM, CallKind, grouped, kind_of
from pointsman_schemas.base import Json

Event = tuple[str, Json]

#: For each streamed kind of text, the event's name, and the field of its `done` event with the whole text.
_EVENTS = {
    "summary_text": ("response.reasoning_summary_text", "text"),
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "arguments": ("response.function_call_arguments", "arguments"),
    "input": ("response.custom_tool_call_input", "input"),
}
_OF_CALLS = ("arguments", "input")
_EMPTY: dict[str, Json] = {
    "summary_text": {"type": "summary_text", "text": ""},
    "output_text": text_part("", []),
    "refusal": {"type": "refusal", "refusal": ""},
}


@dataclass(slots=True, eq=False)
class _Text:
    """A text of an item, and the parts sent so far.

    `where`: the fields that locate it, part of each event.
    """

    where: Json
    sent: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Call:
    """A call in chunks.

    Some providers send its name in parts, so its item begins with the first arguments.
    """

    number: int
    kind: CallKind = BY_CHAT["function"]
    id: str = ""
    name: str = ""
    unsent: list[str] = field(default_factory=list)


class ResponseEvents:
    """The events of one response. Feed the chunks in order and without a gap, then call `end`."""

    def __init__(self, id: str, created_at: int, request: Json) -> None:
        self._id, self._created_at, self._request = id, created_at, request
        self._groups = grouped(request.get("tools"))
        self._number = 0
        self._items: dict[str, Json] = {}
        self._places: dict[str, int] = {}
        self._texts: dict[tuple[str, str], _Text] = {}
        self._calls: dict[int, _Call] = {}

    def start(self) -> list[Event]:
        """Return the events before the first chunk."""
        response = pending(self._id, self._created_at, self._request, "in_progress")
        return [self._event(name, response=response) for name in ("response.created", "response.in_progress")]

    def feed(self, chunk: Json) -> list[Event]:
        """Return the events for a `chat.completion.chunk`."""
        choice = first_choice(chunk)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return []
        events: list[Event] = []
        if reasoning := reasoning_of(delta):
            events += self._add(reasoning_item(self._id), "summary_text", reasoning)
        for name, kind in (("content", "output_text"), ("refusal", "refusal")):
            if text := string(delta.get(name)):
                logprobs = logprobs_of(choice) if kind == "output_text" else []
                events += self._add(message_item(self._id), kind, text, logprobs)
        for piece in objects(delta.get("tool_calls")):
            events += self._feed_call(piece)
        return events

    def end(self, completion: Json) -> list[Event]:
        """Return the remaining events, the last one with the whole response."""
        response = to_response(completion, id=self._id, created_at=self._created_at, request=self._request)
        events: list[Event] = []
        for item in response["output"]:
            events += self._finish(item)
        return [*events, self._event(f"response.{response['status']}", response=response)]

    def fail(self, error: ApiError) -> list[Event]:
        """Return the event for a failed response, which ends the stream."""
        response = failed(self._id, self._created_at, self._request, error.code, error.message)
        return [self._event("response.failed", response=response)]

    def _feed_call(self, piece: Json) -> Iterator[Event]:
        number = piece.get("index")
        number = number if isinstance(number, int) else 0
        call = self._calls.setdefault(number, _Call(number))
        call.kind = kind_of(piece) or call.kind
        called = json_object(piece.get(call.kind.chat))
        call.id = string(piece.get("id")) or call.id
        name = string(called.get("name"))
        call.name = call.name if name == call.name else call.name + name
        if not (text := string(called.get(call.kind.text))):
            return
        call.unsent.append(text)
        if call.id and call.name:
            begun = {"id": call.id, call.kind.chat: {"name": call.name}}
            item = call_item(self._id, call.number, begun, call.kind, self._groups)
            text = "".join(call.unsent)
            call.unsent.clear()
            yield from self._add(item, call.kind.text, text)

    def _finish(self, item: Json) -> Iterator[Event]:
        for number, (kind, text) in enumerate(_texts(item)):
            sent_text = self._texts.get((item["id"], kind))
            sent = 0 if sent_text is None else sum(map(len, sent_text.sent))
            yield from self._add(_begun(item), kind, text[sent:])
            where = self._texts[item["id"], kind].where
            name, text_field = _EVENTS[kind]
            if kind in _OF_CALLS:
                named = {"name": item["name"]} if kind == "arguments" else {}
                yield self._event(f"{name}.done", **where, **named, **{text_field: text})
                continue
            part = _parts(item)[number]
            logprobs = {"logprobs": part["logprobs"]} if kind == "output_text" else {}
            yield self._event(f"{name}.done", **where, **{text_field: text}, **logprobs)
            yield self._event(f"{_part_event(kind)}.done", **where, part=part)
        yield self._event("response.output_item.done", output_index=self._places[item["id"]], item=item)

    def _add(self, item: Json, kind: str, text: str, logprobs: Sequence[Json] = ()) -> Iterator[Event]:
        """Yield the events for a part of an item's text. The first part also begins the item and the text."""
        id = item["id"]
        if id not in self._items:
            self._items[id], self._places[id] = item, len(self._places)
            yield self._event("response.output_item.added", output_index=self._places[id], item=item)
        sent_text = self._texts.get((id, kind))
        if sent_text is None:
            where = {"item_id": id, "output_index": self._places[id]}
            if kind == "summary_text":
                where["summary_index"] = 0
            elif kind not in _OF_CALLS:
                where["content_index"] = sum(place[0] == id for place in self._texts)
            sent_text = self._texts[id, kind] = _Text(where)
            if kind not in _OF_CALLS:
                yield self._event(f"{_part_event(kind)}.added", **where, part=_EMPTY[kind])
        if text:
            sent_text.sent.append(text)
            details = {"logprobs": list(logprobs)} if kind == "output_text" else {}
            yield self._event(f"{_EVENTS[kind][0]}.delta", **sent_text.where, delta=text, **details)

    def _event(self, type: str, **fields: Any) -> Event:
        number, self._number = self._number, self._number + 1
        return type, {"type": type, "sequence_number": number, **fields}


def _texts(item: Json) -> list[tuple[str, str]]:
    if (kind := BY_ITEM.get(item["type"])) is not None:
        return [(kind.text, item[kind.text])]
    return [(part["type"], part[_EVENTS[part["type"]][1]]) for part in _parts(item)]


def _parts(item: Json) -> list[Json]:
    parts: list[Json] = item["content"] if item["type"] == "message" else item["summary"]
    return parts


def _begun(item: Json) -> Json:
    """Return an item without its texts."""
    match item["type"]:
        case "message":
            return {**item, "status": "in_progress", "content": []}
        case "function_call" | "custom_tool_call":
            return {**item, "status": "in_progress", BY_ITEM[item["type"]].text: ""}
        case _:
            return {"id": item["id"], "type": item["type"], "summary": []}


def _part_event(kind: str) -> str:
    return "response.reasoning_summary_part" if kind == "summary_text" else "response.content_part"
