"""The text of a job, as training and routing both see it."""

from collections.abc import Iterable

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
