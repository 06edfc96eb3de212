"""Checks of a request's fields; errors name the field's path, such as `messages[0].content`."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any


class RequestFieldError(ValueError):
    """A field is invalid.

    `param`: its path, such as `tools[1].type`; the message has it too, and what to do.
    """

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param


def text(value: Any, path: str) -> str:
    """Return `value` if it is a text."""
    if not isinstance(value, str):
        raise RequestFieldError(path, "must be a text")
    return value


def mapping(value: Any, path: str) -> dict[str, Any]:
    """Return `value` if it is an object."""
    if not isinstance(value, dict):
        raise RequestFieldError(path, "must be an object")
    return value


def sequence(value: Any, path: str) -> list[Any]:
    """Return `value` if it is a list."""
    if not isinstance(value, list):
        raise RequestFieldError(path, "must be a list")
    return value


def items(value: Any, path: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects of a list, each with its own path."""
    for index, item in enumerate(sequence(value, path)):
        yield mapping(item, f"{path}[{index}]"), f"{path}[{index}]"


def kind(value: dict[str, Any], path: str) -> str:
    """Return the field `type` of an object."""
    return text(value.get("type"), f"{path}.type")


def whole_number(value: Any, path: str) -> int:
    """Return `value` if it is a whole number above 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise RequestFieldError(path, "must be a whole number above 0")
    return value


def number(value: Any, path: str) -> float:
    """Return `value` if it is a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RequestFieldError(path, "must be a number")
    return value


def plain(given: Iterable[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """Return one plain text part as a text, and no part as an empty text: all providers accept that."""
    parts = list(given)
    if not parts:
        return ""
    return parts[0]["text"] if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def only(value: dict[str, Any], known: Collection[str], path: str = "") -> None:
    """Refuse fields that are not `known`, unless they are null or empty."""
    for name, field_value in value.items():
        if name not in known and field_value not in (None, [], {}, False, ""):
            field = f"{path}.{name}" if path else name
            raise RequestFieldError(field, "has no counterpart with the providers here: leave it out")
