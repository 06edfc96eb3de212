"""The text of an answer as people see it."""

from typing import Any


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
