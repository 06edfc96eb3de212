"""Turns of a conversation as chat messages: a turn with results of tools becomes several."""

from collections.abc import Iterator
from typing import Any

import orjson

from pointsman.gateway.anthropic.content import THOUGHTS, part, plain, texts
from pointsman.gateway.anthropic.fields import items, kind, mapping, only, text
from pointsman.gateway.untranslatable import UntranslatableError
from pointsman_schemas.base import Json

_FAILED = "The tool failed: "


def chat_messages(value: Any) -> Iterator[Json]:
    """All of `messages`.

    Raises:
        UntranslatableError: something in them is wrong or has no counterpart.
    """
    turns = list(items(value, "messages"))
    if not turns:
        raise UntranslatableError("messages", "must have at least one")
    if turns[-1][0].get("role") == "assistant":
        raise UntranslatableError(
            turns[-1][1],
            "the last turn is the assistant's: providers here begin an answer, they continue none",
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
                raise UntranslatableError(f"{path}.role", "must be user, assistant or system")


def _users(content: Any, path: str) -> Iterator[Json]:
    """Results of tools come first: they answer the calls of the turn before."""
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
    content = texts(block.get("content") or "", f"{path}.content")
    if block.get("is_error") is True:
        content = (
            _FAILED + content if isinstance(content, str) else [{"type": "text", "text": _FAILED}, *content]
        )
    id = text(block.get("tool_use_id"), f"{path}.tool_use_id")
    return {"role": "tool", "tool_call_id": id, "content": content}


def _assistants(content: Any, path: str) -> Iterator[Json]:
    if isinstance(content, str):
        yield {"role": "assistant", "content": content}
        return
    parts, calls = [], []
    for block, place in items(content, path):
        match kind(block, place):
            case "tool_use":
                calls.append(_tool_call(block, place))
            case kind_of if kind_of in THOUGHTS:
                pass
            case _:
                parts.append(part(block, place))
    if parts or calls:
        message: Json = {"role": "assistant", "content": plain(parts) if parts else None}
        yield message | ({"tool_calls": calls} if calls else {})


def _tool_call(block: Json, path: str) -> Json:
    only(block, ("type", "id", "name", "input", "caller", "cache_control"), path)
    arguments = orjson.dumps(mapping(block.get("input"), f"{path}.input")).decode()
    function = {"name": text(block.get("name"), f"{path}.name"), "arguments": arguments}
    return {"id": text(block.get("id"), f"{path}.id"), "type": "function", "function": function}
