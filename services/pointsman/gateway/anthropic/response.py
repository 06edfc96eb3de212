"""Converts an OpenAI chat completion to an Anthropic message."""

import re
from typing import Any

import orjson

from pointsman_schemas.base import Json

_STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_PREFIX = re.compile(r"\A(chatcmpl-|msg_)")
#: The text fields of each type of thinking block.
THOUGHTS = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}


def to_message(completion: Json, model: str) -> Json:
    """Convert the first choice. `model`: the name to report. Missing fields become empty."""
    choice = first_choice(completion)
    answer = _mapping(choice.get("message"))
    content = signed_thinking_blocks(answer)
    words, refusal = answer.get("content"), answer.get("refusal")
    content += [{"type": "text", "text": text} for text in (words, refusal) if isinstance(text, str) and text]
    calls = answer.get("tool_calls")
    content += [_tool_use(call, place) for place, call in enumerate(calls if isinstance(calls, list) else [])]
    return message_of(
        completion.get("id"),
        model,
        content,
        stop_reason(
            choice.get("finish_reason"),
            refused=isinstance(refusal, str) and bool(refusal),
            calls=isinstance(calls, list) and bool(calls),
        ),
        usage_of(completion.get("usage")),
    )


def message_of(id: object, model: str, content: list[Json], stopped: str | None, usage: Json) -> Json:
    """Build a message object. `id`: the completion's id."""
    return {
        "id": f"msg_{_PREFIX.sub('', id)}" if isinstance(id, str) and id else "msg_0",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stopped,
        "stop_sequence": None,
        "usage": usage,
    }


def stop_reason(finish_reason: object, *, refused: bool = False, calls: bool = False) -> str:
    """Convert a finish reason.

    `stop_sequence` is never returned: a completion does not tell it from `end_turn`. If a tool call was
    forced by name, OpenAI ends with `stop` instead of `tool_calls`; `calls` corrects that.
    """
    if refused:
        return "refusal"
    stopped = _STOPS.get(str(finish_reason), "end_turn")
    return "tool_use" if calls and stopped == "end_turn" else stopped


def usage_of(usage: Any) -> Json:
    """Convert token counts. Anthropic counts cached tokens apart, OpenAI within the prompt's."""
    given = _mapping(usage)
    details = _mapping(given.get("prompt_tokens_details"))
    read, written = _count(details.get("cached_tokens")), _count(details.get("cache_write_tokens"))
    counts: Json = {
        "input_tokens": max(0, _count(given.get("prompt_tokens")) - read - written),
        "output_tokens": _count(given.get("completion_tokens")),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
    }
    if written:
        hour = min(written, _count(details.get("cache_write_1h_tokens")))
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": written - hour,
            "ephemeral_1h_input_tokens": hour,
        }
    reasoning = _mapping(given.get("completion_tokens_details")).get("reasoning_tokens")
    if _count(reasoning):
        counts["output_tokens_details"] = {"thinking_tokens": reasoning}
    return counts


def signed_thinking_blocks(answer: Json) -> list[Json]:
    """Return the signed or redacted thinking blocks of an answer: only these can be sent back later."""
    blocks = answer.get("thinking_blocks")
    return [
        {name: block[name] for name in ("type", *texts)}
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, dict)
        and (texts := THOUGHTS.get(str(block.get("type"))))
        and all(isinstance(block.get(name), str) for name in texts)
    ]


def arguments_of(written: object) -> Json:
    """Parse a call's arguments. If they are not a JSON object, return them as text under `arguments`."""
    if not isinstance(written, str) or not written.strip():
        return {}
    try:
        read = orjson.loads(written)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"arguments": written}


def first_choice(completion: Json) -> Json:
    """Return the first choice of a completion or a chunk: Anthropic's API has only one."""
    choices = completion.get("choices")
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _tool_use(call: Any, place: int) -> Json:
    function = _mapping(_mapping(call).get("function"))
    return {
        "type": "tool_use",
        "id": _mapping(call).get("id") or f"toolu_{place}",
        "name": function.get("name") or "",
        "input": arguments_of(function.get("arguments")),
    }


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
