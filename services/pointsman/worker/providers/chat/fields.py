"""Fields of a request as they should be; what is not so is told by its path, as `messages[0].content`."""

from collections.abc import Iterator
from typing import Any

from pointsman.worker.providers.unsupported import UnsupportedRequestError
from pointsman_schemas.base import Json


def text(value: Any, path: str) -> str:
    """A text, however long."""
    if not isinstance(value, str):
        raise UnsupportedRequestError(path, "must be a text")
    return value


def mapping(value: Any, path: str) -> Json:
    """An object."""
    if not isinstance(value, dict):
        raise UnsupportedRequestError(path, "must be an object")
    return value


def items(value: Any, path: str) -> Iterator[tuple[Json, str]]:
    """The objects of a list, each with its own path."""
    if not isinstance(value, list):
        raise UnsupportedRequestError(path, "must be a list")
    for place, item in enumerate(value):
        yield mapping(item, f"{path}[{place}]"), f"{path}[{place}]"


def whole_number(value: Any, path: str) -> int:
    """A whole number above 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UnsupportedRequestError(path, "must be a whole number above 0")
    return value


def number(value: Any, path: str) -> float:
    """A number, whole or not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UnsupportedRequestError(path, "must be a number")
    return value
