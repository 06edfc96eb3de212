"""Extracts the text of a job, in the same way for training and routing."""

from collections.abc import Iterable
from typing import Any

from pointsman_schemas.jobs import ChatMessage


def text_of(messages: Iterable[ChatMessage]) -> str:
    """Return all texts of all messages, joined by line feeds; without images, audio and files."""
    parts: list[str] = []
    for message in messages:
        content = message.content
        if isinstance(content, str):
            parts.append(content)
        elif content:
            parts.extend(text for part in content if isinstance(text := part.get("text"), str))
    return "\n".join(parts)


def answered(response: dict[str, Any] | None) -> str:
    """Return the text of a completion's first choice, else the names of its tool calls; empty if neither."""
    try:
        message = (response or {})["choices"][0]["message"]
        text = content_text(message.get("content"))
        tools = [call["function"]["name"] for call in message.get("tool_calls") or ()]
    except (KeyError, IndexError, TypeError, AttributeError):
        return ""
    return text or (f"calls {', '.join(map(str, tools))}" if tools else "")


def content_text(content: Any) -> str:
    """Return a message's content as text; parts without text as their type in brackets."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict)]
    return " ".join(str(part.get("text") or f"[{part.get('type', 'part')}]") for part in parts)
