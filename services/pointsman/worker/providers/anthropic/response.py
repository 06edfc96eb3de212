"""How a message of Anthropic's ended and what it took, in OpenAI's words."""

from typing import Any

from pointsman.worker.providers.chat.completions import counted, usage_of_counts
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


def finish_reason(stop_reason: Any) -> str | None:
    """In OpenAI's words; what is not known is passed on."""
    return _STOPS.get(stop_reason, stop_reason) if isinstance(stop_reason, str) else None


def usage_of(usage: Any) -> Json | None:
    """Tokens, those of the cache among the others; None where they are not told, or cannot be so many."""
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
