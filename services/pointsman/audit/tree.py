"""JSON documents as trees: read only where nothing in them is hidden, and changed leaf by leaf."""

from collections.abc import Callable, Iterator, Sequence
from json import loads
from typing import Any, TypeAlias

import orjson

Leaf: TypeAlias = str | int | float | bool | None


def plain_json(value: bytes) -> Any:
    """The document.

    Raises:
        ValueError: it is none, or a key is twice in an object: all but the last would be kept unseen.
        RecursionError: it is too deep.
    """
    document = orjson.loads(value)
    loads(value, object_pairs_hook=_once)
    return document


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")


def changed(document: Any, change: Callable[[Leaf], Leaf]) -> Any:
    """A document with `change` of every key and of every value that is no object or list."""
    match document:
        case dict():
            return {str(change(key)): changed(value, change) for key, value in document.items()}
        case list():
            return [changed(value, change) for value in document]
        case _:
            return change(document)


def leaves(document: Any) -> Iterator[Leaf]:
    """Every value that is no object or list."""
    match document:
        case dict():
            for value in document.values():
                yield from leaves(value)
        case list():
            for value in document:
                yield from leaves(value)
        case _:
            yield document


def put(document: Any, location: Sequence[str | int], value: Any) -> Any:
    """The document with `value` at a location that it has: keys and indices from the top."""
    if not location:
        return value
    inner = document
    for step in location[:-1]:
        inner = inner[step]
    inner[location[-1]] = value
    return document
