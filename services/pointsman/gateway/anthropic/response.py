"""Converts an OpenAI chat completion to an Anthropic message."""

import re
from typing import Any

import orjson

from pointsman.gateway.completion import answer_choice, count, json_object
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
    choice = answer_choice(completion)
    answer = json_object(choice.get("message"))
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
    counted = json_object(usage)
    details = json_object(counted.get("prompt_tokens_details"))
    cache_read, written = count(details.get("cached_tokens")), count(details.get("cache_write_tokens"))
    counts: Json = {
        "input_tokens": max(0, count(counted.get("prompt_tokens")) - cache_read - written),
        "output_tokens": count(counted.get("completion_tokens")),
        "cache_read_input_tokens": cache_read,
        "cache_creation_input_tokens": written,
    }
    if written:
        hour = min(written, count(details.get("cache_write_1h_tokens")))
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": written - hour,
            "ephemeral_1h_input_tokens": hour,
        }
    reasoning = json_object(counted.get("completion_tokens_details")).get("reasoning_tokens")
    if count(reasoning):
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
        arguments = orjson.loads(written)
    except ValueError:
        arguments = None
    return arguments if isinstance(arguments, dict) else {"arguments": written}


def _tool_use(call: Any, place: int) -> Json:
    function = json_object(json_object(call).get("function"))
    return {
        "type": "tool_use",
        "id": json_object(call).get("id") or f"toolu_{place}",
        "name": function.get("name") or "",
        "input": arguments_of(function.get("arguments")),
    }
