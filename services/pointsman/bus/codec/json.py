"""Parses a JSON object that all later stages can store: strict where parsers differ, bounded in depth."""

import json
import re
from typing import Any

import orjson

from pointsman.bus.codec.refused import RefusedError
from pointsman_schemas.reasons import Reason

#: Deeper nesting is refused: serialisers and Postgres have depth limits of their own.
MAX_DEPTH = 64

#: The most decimal places of a number in Postgres' jsonb, and the largest exponent accepted.
MAX_DECIMALS = 16_383
_MAX_DIGITS = 131_072

# A quick check, thirty times as fast as a parser: with all digits mapped to zero, long numbers and large
# exponents are found by text search. orjson silently makes a float of the former and 0 of the latter.
_DIGITS_AS_ZERO = bytes.maketrans(b"123456789+E", b"0" * 9 + b"-e")
_LONG, _LARGE, _SMALL = b"0" * 19, b"0e00000", b"0e-00000"


def parse_object(value: bytes) -> dict[str, Any]:
    """Parse the JSON object in `value`.

    Raises:
        RefusedError: not UTF-8, not JSON, not an object, nested deeper than MAX_DEPTH, or with a number or
            character
            that later stages cannot store (NaN, 1e400, 1e-20000, 70-bit integers, NUL, lone surrogates).
    """
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _classify(value, error) from None
    if not isinstance(parsed, dict):
        raise RefusedError(Reason.NOT_AN_OBJECT, f"the value is {_name(parsed)}, must be a JSON object")
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and is_deeper(parsed, MAX_DEPTH):
        raise RefusedError(Reason.TOO_DEEP, f"nested deeper than {MAX_DEPTH} levels")
    if _has_suspect_numbers(value):
        _check_numbers(value)
    if b"\\u0000" in value:
        _check_characters(parsed)
    return parsed


def fits_jsonb(value: bytes) -> bool:
    """Whether jsonb can store the numbers in `value`, which is JSON.

    It accepts longer integers than we do.
    """
    if not _has_suspect_numbers(value):
        return True
    try:
        json.loads(value, parse_int=_check_digits, parse_float=_check_float)
    except (RefusedError, RecursionError):
        return False
    return True


def _has_suspect_numbers(value: bytes) -> bool:
    digits = value.translate(_DIGITS_AS_ZERO)
    return _LONG in digits or _LARGE in digits or _SMALL in digits


def _check_digits(digits: str) -> None:
    if len(digits) > _MAX_DIGITS:
        raise RefusedError(Reason.BAD_NUMBER, f"the integer {digits[:24]}... has {len(digits):,} digits")


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


def is_deeper(parsed: object, most: int) -> bool:
    """Return whether parsed JSON is nested deeper than `most` levels."""
    level: list[Any] = [parsed]
    for _ in range(most):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _check_numbers(value: bytes) -> None:
    json.loads(value, parse_int=_check_integer, parse_float=_check_float)


def _check_integer(digits: str) -> None:
    number = int(digits) if len(digits) < 25 else 1 << 64
    if not -(1 << 63) <= number < 1 << 64:
        raise RefusedError(Reason.BAD_NUMBER, f"the integer {digits[:24]}... does not fit 64 bits")


def _check_float(text: str) -> None:
    number, _, exponent = text.lower().partition("e")
    shift = exponent.lstrip("+-").lstrip("0") or "0"
    power = int(shift) if len(shift) < 6 else MAX_DECIMALS + 1
    decimals = len(number.partition(".")[2]) - (-power if exponent.startswith("-") else power)
    if power > MAX_DECIMALS or decimals > MAX_DECIMALS:
        raise RefusedError(
            Reason.BAD_NUMBER,
            f"the number {text[:24]}... cannot be kept: at most {MAX_DECIMALS:,} decimal places, "
            f"and exponents up to {MAX_DECIMALS:,}",
        )


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
