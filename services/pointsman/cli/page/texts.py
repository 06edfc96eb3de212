"""Prompts and answers as a person reads them."""

import json
from typing import Any

from pointsman.cli.formats import block


def pretty(value: Any, *, indent: int | None = 2) -> str:
    """JSON for people; `(none)` where there is nothing."""
    return (
        "(none)"
        if value is None
        else block(json.dumps(value, indent=indent, ensure_ascii=False, default=str))
    )


def messages_text(messages: Any) -> str:
    """A conversation, role by role; what has another shape as JSON."""
    if isinstance(messages, str):
        return block(messages)
    if not isinstance(messages, list):
        return pretty(messages)
    return "\n\n".join(_said(message) for message in messages)


def answer_text(response: Any) -> str | None:
    """The text of an answer in the OpenAI chat shape; the whole as JSON where it has none."""
    if response is None:
        return None
    try:
        content = response["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    return block(content) if isinstance(content, str) else pretty(response)


def _said(message: Any) -> str:
    if isinstance(message, dict) and isinstance(message.get("content"), str):
        return block(f"{message.get('role', '?')}: {message['content']}")
    return pretty(message)
