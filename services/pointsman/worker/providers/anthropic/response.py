"""Converts an Anthropic message to a chat completion."""

from typing import Any

from pointsman.worker.providers.chat.arguments import name_of, written
from pointsman.worker.providers.chat.completions import completion_of, counted, usage_of_counts
from pointsman_schemas.base import Json

_STOPS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
THOUGHTS = ("thinking", "redacted_thinking")


def to_completion(body: Json, created: int) -> Json | None:
    """Return the completion; None if the body is no message. `created`: seconds since 1970."""
    content = body.get("content")
    if body.get("type") != "message" or not isinstance(content, list):
        return None
    blocks = [block for block in content if isinstance(block, dict)]
    text = "".join(_texts(blocks, "text", "text"))
    message: Json = {"role": "assistant", "refusal": None, "content": text or None}
    if reasoning := "".join(_texts(blocks, "thinking", "thinking")):
        message["reasoning_content"] = reasoning
    if thoughts := [block for block in blocks if block.get("type") in THOUGHTS]:
        message["thinking_blocks"] = thoughts
    if calls := [call_of(block) for block in blocks if block.get("type") == "tool_use"]:
        message["tool_calls"] = calls
    finish = finish_reason(body.get("stop_reason"))
    return completion_of(body, created, message, finish, usage_of(body.get("usage")))


def call_of(block: Json) -> Json:
    """Convert a tool call."""
    function = {"name": name_of(block.get("name")), "arguments": written(block.get("input"))}
    return {"id": name_of(block.get("id")), "type": "function", "function": function}


def finish_reason(stop_reason: Any) -> str | None:
    """Convert to OpenAI's values; unknown ones are passed on."""
    return _STOPS.get(stop_reason, stop_reason) if isinstance(stop_reason, str) else None


def usage_of(usage: Any) -> Json | None:
    """Return the tokens, with cached ones in the prompt's; None if they are missing or impossible."""
    if not isinstance(usage, dict):
        return None
    plain, read = counted(usage, "input_tokens"), counted(usage, "cache_read_input_tokens", 0)
    wrote, answered = counted(usage, "cache_creation_input_tokens", 0), counted(usage, "output_tokens")
    details = usage.get("output_tokens_details")
    thought = counted(details if isinstance(details, dict) else {}, "thinking_tokens", 0)
    creation = usage.get("cache_creation")
    hour = counted(creation if isinstance(creation, dict) else {}, "ephemeral_1h_input_tokens", 0)
    if plain is None or read is None or wrote is None or answered is None or thought is None or hour is None:
        return None
    return usage_of_counts(
        plain + read + wrote, answered, read=read, written=wrote, reasoning=thought, hour=hour
    )


def _texts(blocks: list[Json], kind: str, name: str) -> list[str]:
    texts = [block.get(name) for block in blocks if block.get("type") == kind]
    return [text for text in texts if isinstance(text, str)]
