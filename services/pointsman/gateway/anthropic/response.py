"""An answer of OpenAI's chat as one of Anthropic's messages."""

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


def to_message(completion: Json, model: str) -> Json:
    """The first choice; `model`: what the caller is told. Whatever a provider left out is told as nothing."""
    choice = first_choice(completion)
    answer = _mapping(choice.get("message"))
    content: list[Json] = []
    words, refusal = answer.get("content"), answer.get("refusal")
    content += [{"type": "text", "text": text} for text in (words, refusal) if isinstance(text, str) and text]
    calls = answer.get("tool_calls")
    content += [_tool_use(call, place) for place, call in enumerate(calls if isinstance(calls, list) else [])]
    return message_of(
        completion.get("id"),
        model,
        content,
        stop_reason(choice.get("finish_reason"), refused=isinstance(refusal, str) and bool(refusal)),
        usage_of(completion.get("usage")),
    )


def message_of(id: object, model: str, content: list[Json], stopped: str | None, usage: Json) -> Json:
    """A message; `id`: the completion's."""
    return {
        "id": f"msg_{id.removeprefix('chatcmpl-')}" if isinstance(id, str) and id else "msg_0",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stopped,
        "stop_sequence": None,
        "usage": usage,
    }


def stop_reason(finish_reason: object, *, refused: bool = False) -> str:
    """Which of the caller's stop sequences ended an answer is not told: that is `end_turn` too."""
    return "refusal" if refused else _STOPS.get(str(finish_reason), "end_turn")


def usage_of(usage: Any) -> Json:
    """Tokens; those that a cache spared are apart here, and part of the sum there."""
    given = _mapping(usage)
    cached = _count(_mapping(given.get("prompt_tokens_details")).get("cached_tokens"))
    told: Json = {
        "input_tokens": max(0, _count(given.get("prompt_tokens")) - cached),
        "output_tokens": _count(given.get("completion_tokens")),
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
    }
    reasoning = _mapping(given.get("completion_tokens_details")).get("reasoning_tokens")
    if _count(reasoning):
        told["output_tokens_details"] = {"thinking_tokens": reasoning}
    return told


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
