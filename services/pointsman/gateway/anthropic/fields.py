"""Fields of a request as they should be; what is not so is told by its path, as `messages[0].content`."""

from collections.abc import Collection, Iterator
from typing import Any

from pointsman.gateway.untranslatable import UntranslatableError
from pointsman_schemas.base import Json


def text(value: Any, path: str) -> str:
    """A text, however long."""
    if not isinstance(value, str):
        raise UntranslatableError(path, "must be a text")
    return value


def mapping(value: Any, path: str) -> Json:
    """An object."""
    if not isinstance(value, dict):
        raise UntranslatableError(path, "must be an object")
    return value


def items(value: Any, path: str) -> Iterator[tuple[Json, str]]:
    """The objects of a list, each with its own path."""
    if not isinstance(value, list):
        raise UntranslatableError(path, "must be a list")
    for place, item in enumerate(value):
        yield mapping(item, f"{path}[{place}]"), f"{path}[{place}]"


def kind(value: Json, path: str) -> str:
    """Its `type`."""
    return text(value.get("type"), f"{path}.type")


def only(value: Json, known: Collection[str], path: str = "") -> None:
    """Nothing but these fields says anything: a field that is null or empty says nothing."""
    for name, given in value.items():
        if name not in known and given not in (None, [], {}, False, ""):
            field = f"{path}.{name}" if path else name
            raise UntranslatableError(field, "has no counterpart with the providers here: leave it out")
