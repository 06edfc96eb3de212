"""Bytes to a JSON object that every later stage can hold: strict where parsers differ, bounded in depth."""

import json
import re
from typing import Any

import orjson

from pointsman.bus.refused import RefusedError
from pointsman_schemas.reasons import Reason

#: Deeper nesting is refused: serialisers and Postgres give up at depths of their own.
MAX_DEPTH = 64

# An integer that no parser is sure to keep: orjson would turn it into a float in silence.
# A first look, thirty times as fast: every digit is a zero, so that nineteen of them are a text to be found.
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"0" * 9)
_NINETEEN = b"0" * 19
_LONG_INTEGER = re.compile(rb"(?<![\d.eE+-])-?\d{19,}(?![\d.eE])")


def parse_object(value: bytes) -> dict[str, Any]:
    """The JSON object in `value`.

    Raises:
        RefusedError: not UTF-8, not JSON, not an object, nested deeper than MAX_DEPTH, or holding a number
            or character that does not survive the way (NaN, 1e400, 70-bit integers, NUL, lone surrogates).
    """
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _classify(value, error) from None
    if not isinstance(parsed, dict):
        raise RefusedError(Reason.NOT_AN_OBJECT, f"the value is {_name(parsed)}, must be a JSON object")
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH:
        _check_depth(parsed)
    if may_hold_long_integer(value) and _LONG_INTEGER.search(value):
        _check_integers(value)
    if b"\\u0000" in value:
        _check_characters(parsed)
    return parsed


def may_hold_long_integer(value: bytes) -> bool:
    """False: no integer in `value` is too long for 64 bits."""
    return _NINETEEN in value.translate(_DIGITS_AS_ZERO)


def _classify(value: bytes, error: orjson.JSONDecodeError) -> RefusedError:
    if not value.strip():
        return RefusedError(Reason.EMPTY, "the value is empty, must be a JSON object")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as broken:
        return RefusedError(Reason.NOT_UTF8, f"byte {broken.start} of the value is not UTF-8")
    text = str(error)
    if "surrogate" in text:
        return RefusedError(Reason.LONE_SURROGATE, f"half of a surrogate pair at character {error.pos}")
    if "depth" in text:
        return RefusedError(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    if "infinity" in text:
        return RefusedError(Reason.BAD_NUMBER, f"a number too large to keep at character {error.pos}")
    if re.match(rb"-?(NaN|Infinity)", value[error.pos :]):
        return RefusedError(Reason.BAD_NUMBER, f"NaN or Infinity at character {error.pos}: not JSON")
    if b"\0" in value:
        return RefusedError(Reason.NUL_CHARACTER, f"a NUL byte at byte {value.index(0)}")
    return RefusedError(Reason.NOT_JSON, f"not JSON: {text}")


def _check_depth(parsed: object) -> None:
    level: list[Any] = [parsed]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise RefusedError(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")


def _check_integers(value: bytes) -> None:
    def keep(digits: str) -> int:
        number = int(digits) if len(digits) < 25 else 1 << 64
        if not -(1 << 63) <= number < 1 << 64:
            raise RefusedError(Reason.BAD_NUMBER, f"the integer {digits[:24]}... does not fit 64 bits")
        return number

    json.loads(value, parse_int=keep)


def _check_characters(parsed: object) -> None:
    stack = [parsed]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            stack += [*node, *node.values()]
        elif isinstance(node, list):
            stack += node
        elif isinstance(node, str) and "\0" in node:
            raise RefusedError(Reason.NUL_CHARACTER, "a text holds the NUL character \\u0000")


def _name(parsed: object) -> str:
    match parsed:
        case None:
            return "null"
        case bool():
            return "true or false"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a number"
