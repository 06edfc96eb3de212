"""Format prompts and answers for people."""

import json
from typing import Any

from pointsman.cli.formats import block
from pointsman_schemas.base import Json

#: Most characters to show of a body that is no answer; all of it is in `audit.calls`.
MOST_OF_A_BODY = 20_000


def pretty(value: Any, *, indent: int | None = 2) -> str:
    """Format a value as JSON for people; `(none)` for None."""
    return (
        "(none)"
        if value is None
        else block(json.dumps(value, indent=indent, ensure_ascii=False, default=str))
    )


def messages_text(messages: Any) -> str:
    """Format a conversation, role by role; values of another shape as JSON."""
    if isinstance(messages, str):
        return block(messages)
    if not isinstance(messages, list):
        return pretty(messages)
    return "\n\n".join(_message_text(message) for message in messages)


def answer_text(response: Any) -> str | None:
    """Return the text of an answer in OpenAI's chat format, or the whole as JSON if it has none."""
    if response is None:
        return None
    try:
        content = response["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        content = None
    return block(content) if isinstance(content, str) else pretty(response)


def body_text(raw: Json) -> tuple[str, str]:
    """Return a description of a `response_raw`, in brackets, and its beginning."""
    content = str(raw.get("content"))
    text = block(content[:MOST_OF_A_BODY])
    facts = [str(raw.get("encoding"))]
    facts += [] if raw.get("whole") else ["of which the beginning is on record"]
    facts += [f"{MOST_OF_A_BODY:,} of {len(content):,} characters"] if len(content) > MOST_OF_A_BODY else []
    return f"({', '.join(facts)})", text


def _message_text(message: Any) -> str:
    if isinstance(message, dict) and isinstance(message.get("content"), str):
        return block(f"{message.get('role', '?')}: {message['content']}")
    return pretty(message)
