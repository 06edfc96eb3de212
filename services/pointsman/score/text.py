"""The text of a job, the same for training and routing."""

from collections.abc import Iterable
from typing import Any

from pointsman_schemas.jobs import ChatMessage


def text_of(messages: Iterable[ChatMessage]) -> str:
    """All texts of all messages, a line each; images, sound and files are no text."""
    parts: list[str] = []
    for message in messages:
        content = message.content
        if isinstance(content, str):
            parts.append(content)
        elif content:
            parts.extend(text for part in content if isinstance(text := part.get("text"), str))
    return "\n".join(parts)


def answered(response: dict[str, Any] | None) -> str:
    """The text of the first choice of a chat completion; tool calls by their names; `` if neither."""
    try:
        message = (response or {})["choices"][0]["message"]
        text = content_text(message.get("content"))
        tools = [call["function"]["name"] for call in message.get("tool_calls") or ()]
    except (KeyError, IndexError, TypeError, AttributeError):
        return ""
    return text or (f"calls {', '.join(map(str, tools))}" if tools else "")


def content_text(content: Any) -> str:
    """A message's content as text; parts that are no text by their type in brackets."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part for part in content if isinstance(part, dict)]
    return " ".join(str(part.get("text") or f"[{part.get('type', 'part')}]") for part in parts)
