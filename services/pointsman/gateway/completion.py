"""Reads the fields of a chat completion, which a provider may have left out or filled with anything."""

from typing import Any

from pointsman_schemas.base import Json


def first_choice(holder: Json) -> Json:
    """Return choice 0 of a completion or a chunk; empty if there is none."""
    choices = objects(holder.get("choices"))
    return next((choice for choice in choices if choice.get("index") in (0, None)), {})


def answer_choice(completion: Json) -> Json:
    """Return choice 0 of a whole completion, or else its first choice; empty if there is none."""
    return first_choice(completion) or next(iter(objects(completion.get("choices"))), {})


def json_object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count(value: Any) -> int:
    """Return a number of tokens; 0 if the value is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
