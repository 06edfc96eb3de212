"""An answer of OpenAI's chat as one of Anthropic's messages."""

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
#: Their texts, by kind.
THOUGHTS = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",)}


def to_message(completion: Json, model: str) -> Json:
    """The first choice; `model`: what the caller is told. Whatever a provider left out is told as nothing."""
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
    """A message; `id`: the completion's."""
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
    """Which of the caller's stop sequences ended an answer is not told: that is `end_turn` too.

    A call that was asked for by its name ends as `stop` at OpenAI's, where every other one is `tool_calls`.
    """
    if refused:
        return "refusal"
    stopped = _STOPS.get(str(finish_reason), "end_turn")
    return "tool_use" if calls and stopped == "end_turn" else stopped


def usage_of(usage: Any) -> Json:
    """Tokens; those read from a cache or written to it are apart here, and part of the sum there."""
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
    """What was thought, signed by the model's provider; thoughts of others cannot be sent back, and stay."""
    blocks = answer.get("thinking_blocks")
    return [
        {name: block[name] for name in ("type", *texts)}
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, dict)
        and (texts := THOUGHTS.get(str(block.get("type"))))
        and all(isinstance(block.get(name), str) for name in texts)
    ]


def arguments_of(written: object) -> Json:
    """A call's arguments; a model may write what is no JSON object: then it stands under `arguments`."""
    if not isinstance(written, str) or not written.strip():
        return {}
    try:
        read = orjson.loads(written)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"arguments": written}


def first_choice(completion: Json) -> Json:
    """Of a whole answer or of a piece; the only one that this API has."""
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
