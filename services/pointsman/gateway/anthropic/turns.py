"""Converts a conversation's turns to chat messages: a turn with tool results becomes several."""

from collections.abc import Iterator
from typing import Any

import orjson

from pointsman.bus.codec.request_fields import RequestFieldError, items, kind, mapping, only, plain, text
from pointsman.gateway.anthropic.content import NATIVE, THOUGHTS, content_of, marked, part, texts
from pointsman_schemas.base import Json


def chat_messages(value: Any) -> Iterator[Json]:
    """Yield the chat messages for the field `messages`.

    Raises:
        RequestFieldError: a part is wrong or has no counterpart.
    """
    turns = list(items(value, "messages"))
    if not turns:
        raise RequestFieldError("messages", "must have at least one")
    if turns[-1][0].get("role") == "assistant":
        raise RequestFieldError(
            turns[-1][1],
            "the last turn is the assistant's: answers cannot be continued, end with a user's turn",
        )
    for turn, path in turns:
        only(turn, ("role", "content"), path)
        content, at = turn.get("content"), f"{path}.content"
        match turn.get("role"):
            case "user":
                yield from _users(content, at)
            case "assistant":
                yield from _assistants(content, at)
            case "system":
                yield {"role": "system", "content": texts(content, at)}
            case _:
                raise RequestFieldError(f"{path}.role", "must be user, assistant or system")


def _users(content: Any, path: str) -> Iterator[Json]:
    """Yield the tool results first: in a chat they must follow the calls of the turn before."""
    if isinstance(content, str):
        yield {"role": "user", "content": content}
        return
    parts = []
    for block, place in items(content, path):
        if kind(block, place) == "tool_result":
            yield _tool_result(block, place)
        else:
            parts.append(part(block, place))
    if parts:
        yield {"role": "user", "content": plain(parts)}


def _tool_result(block: Json, path: str) -> Json:
    only(block, ("type", "tool_use_id", "content", "is_error", "cache_control"), path)
    content = content_of(block.get("content") or "", f"{path}.content")
    id = text(block.get("tool_use_id"), f"{path}.tool_use_id")
    failed = {NATIVE: {"is_error": True}} if block.get("is_error") is True else {}
    return marked({"role": "tool", "tool_call_id": id, "content": content, **failed}, block, path)


def _assistants(content: Any, path: str) -> Iterator[Json]:
    """Yield the assistant's turn.

    Thinking after a text begins a new message, to keep the order of the blocks. After a tool call it does
    not, as no message may stand between calls and their results.
    """
    if isinstance(content, str):
        yield {"role": "assistant", "content": content}
        return
    thoughts: list[Json] = []
    parts: list[Json] = []
    calls: list[Json] = []
    for block, place in items(content, path):
        match kind(block, place):
            case "tool_use":
                calls.append(_tool_call(block, place))
            case kind_of if kind_of in THOUGHTS:
                if parts and not calls:
                    yield _answer(thoughts, parts, [])
                    thoughts, parts = [], []
                thoughts.append(block)
            case _:
                parts.append(part(block, place))
    if thoughts or parts or calls:
        yield _answer(thoughts, parts, calls)


def _answer(thoughts: list[Json], parts: list[Json], calls: list[Json]) -> Json:
    return {
        "role": "assistant",
        "content": plain(parts) if parts else None,
        **({"thinking_blocks": thoughts} if thoughts else {}),
        **({"tool_calls": calls} if calls else {}),
    }


def _tool_call(block: Json, path: str) -> Json:
    only(block, ("type", "id", "name", "input", "caller", "cache_control"), path)
    arguments = orjson.dumps(mapping(block.get("input"), f"{path}.input")).decode()
    function = {"name": text(block.get("name"), f"{path}.name"), "arguments": arguments}
    call = {"id": text(block.get("id"), f"{path}.id"), "type": "function", "function": function}
    return marked(call, block, path)
