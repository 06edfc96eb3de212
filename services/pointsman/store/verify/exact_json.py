"""Compares and prints JSON as Postgres' jsonb does, without asking the database."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

#: The audit's parser allows no deeper nesting.
_DEPTH = 1_024


class Number(NamedTuple):
    """A number with its exact written value; never equal to `true`."""

    value: Decimal


class NotEqualError(ValueError):
    """The payload differs from the value."""


def equal_body(payload: str, value: bytes | None) -> Any:
    """Parse the jsonb column `payload` and return it if it equals the JSON in `value`.

    Raises:
        NotEqualError: they differ, or one of them is not JSON.
    """
    if value is None:
        raise NotEqualError
    try:
        text = value.decode()
        try:
            return _equal(payload, text)
        except RecursionError:
            with _deep():
                return _equal(payload, text)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise NotEqualError from error


def _equal(payload: str, text: str) -> Any:
    expected = parsed(text)
    if parsed(payload) != expected:
        raise NotEqualError
    return expected


def printed(value: Any) -> str:
    """Return the text that Postgres prints for the value as jsonb."""
    match value:
        case Number(number):
            return _digits(number)
        case dict():
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return "{" + ", ".join(f"{_text(key)}: {printed(value[key])}" for key in keys) + "}"
        case list():
            return "[" + ", ".join(map(printed, value)) + "]"
        case str():
            return _text(value)
        case _:
            return json.dumps(value)


def at(value: Any, *path: str) -> str | None:
    """Return the text at `path`, as Postgres' `#>>` does; None if the path is missing or null."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    if value is None or isinstance(value, str):
        return value
    return printed(value)


def _digits(number: Decimal) -> str:
    text = format(number, "f") if number else format(abs(number), "f")
    return text if number or "." in text else "0"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _refuse(_: str) -> NoReturn:
    raise ValueError("no JSON")


def _number(text: str) -> Number:
    return Number(Decimal(text))


#: JSON with numbers as `Number`. Raises: ValueError, InvalidOperation, RecursionError (nested too deeply).
parsed: Callable[[str], Any] = json.JSONDecoder(
    parse_float=_number, parse_int=_number, parse_constant=_refuse
).decode


@contextmanager
def _deep() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 10 * _DEPTH)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
