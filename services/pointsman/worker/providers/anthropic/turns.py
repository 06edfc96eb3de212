"""Converts chat messages to Anthropic's turns: system text separate, tool results in the user's turn."""

import re
from hashlib import blake2b
from typing import assert_never

from pointsman.bus.codec.request_fields import RequestFieldError, items, mapping, plain, text
from pointsman.worker.providers.chat.arguments import calls_of
from pointsman.worker.providers.chat.parts import (
    MediaPart,
    MessagePart,
    TextPart,
    add_turn,
    mark_of,
    native_of,
    parts_of,
    spoken_by,
    texts_of,
)
from pointsman_schemas.base import Json

_SYSTEM = ("system", "developer")
_ID = re.compile(r"[A-Za-z0-9_-]{1,256}\Z")


def conversation(messages: object) -> tuple[str | list[Json], list[Json]]:
    """Return the system prompt and the turns.

    Raises:
        RequestFieldError: a part is wrong or has no counterpart.
    """
    system: list[Json] = []
    turns: list[Json] = []
    for message, path in items(messages, "messages"):
        role = message.get("role")
        if role in _SYSTEM:
            words = [_block(part) for part in texts_of(message.get("content"), f"{path}.content")]
            if turns:
                add_turn(turns, "system", "content", _marked(words, message, path))
            else:
                system += _marked(words, message, path)
        else:
            speaker = "assistant" if role == "assistant" else "user"
            add_turn(turns, speaker, "content", _marked(_blocks(message, path), message, path))
    if not turns:
        raise RequestFieldError("messages", "must have a message that is not the system's")
    return plain(system), [turn | {"content": plain(turn["content"])} for turn in turns]


def _blocks(message: Json, path: str) -> list[Json]:
    match message.get("role"):
        case "user":
            return [_block(part) for part in parts_of(message.get("content"), f"{path}.content")]
        case "assistant":
            return _answer(message, path)
        case "tool":
            content = [_block(part) for part in parts_of(message.get("content"), f"{path}.content")]
            id = _id(text(message.get("tool_call_id"), f"{path}.tool_call_id"))
            failed = {"is_error": True} if (native_of(message, path) or {}).get("is_error") is True else {}
            return [{"type": "tool_result", "tool_use_id": id, "content": plain(content), **failed}]
        case role:
            raise RequestFieldError(f"{path}.role", f"`{role}` has no counterpart there")


def _answer(message: Json, path: str) -> list[Json]:
    """Put thinking blocks first, as in the answer; only the model that wrote them can read them."""
    thoughts = [
        {name: value for name, value in mapping(block, place).items() if name != "index"}
        for block, place in items(message.get("thinking_blocks") or [], f"{path}.thinking_blocks")
    ]
    calls = [
        block
        for call, id, name, arguments in calls_of(message, path)
        for block in _marked(
            [{"type": "tool_use", "id": _id(id), "name": name, "input": arguments}],
            call,
            f"{path}.tool_calls",
        )
    ]
    return [*thoughts, *(_block(part) for part in spoken_by(message, path)), *calls]


def _block(part: MessagePart) -> Json:
    mark = {} if part.mark is None else {"cache_control": part.mark}
    match part:
        case TextPart(native={"type": "document"}):
            source = {"type": "text", "media_type": "text/plain", "data": part.text}
            return {"type": "document", "source": source, **_named(part.native or {}), **mark}
        case TextPart():
            return {"type": "text", "text": part.text, **mark}
        case MediaPart():
            kind = "document" if part.is_file else "image"
            named = _named({"title": part.name} if part.native is None else part.native)
            return {"type": kind, "source": _source(part), **named, **mark}
        case _:
            assert_never(part)


def _named(document: Json) -> Json:
    return {name: document[name] for name in ("title", "context") if document.get(name) is not None}


def _source(part: MediaPart) -> Json:
    if part.url is not None:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type, "data": part.data}


def _marked(blocks: list[Json], message: Json, path: str) -> list[Json]:
    """Put a message's cache mark on its last block."""
    mark = mark_of(message, path)
    if mark is not None and blocks:
        blocks[-1] = blocks[-1] | {"cache_control": mark}
    return blocks


def _id(id: str) -> str:
    """Return a call's id. An id that Anthropic does not accept is replaced by one derived from it."""
    return id if _ID.match(id) else f"toolu_{blake2b(id.encode(), digest_size=12).hexdigest()}"
