"""Parses a provider's JSON leniently: replaces what a record cannot hold, and keeps the rest. Pure.

Invariants:
- Valid content is not changed.
- The work is linear in the input's length.
"""

import json
import re
from math import isfinite
from typing import Any

from pointsman.bus.codec.json import MAX_DEPTH, is_deeper, parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman_schemas.reasons import Reason

#: A record nests the answer a few levels deep.
MOST_DEPTH = MAX_DEPTH - 4

_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")
_STANDS_FOR = "\ufffd"
# A text is one token, closed or not; possessive quantifiers keep the match linear.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


def read_json(content: bytes) -> tuple[Any, bool]:
    """Return the JSON in `content`, and whether it had to be changed.

    NUL, lone surrogates and invalid UTF-8 become U+FFFD; NaN and infinity become null; integers beyond 64
    bits become the nearest float; values nested too deep become null. A byte order mark is skipped.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        value = parse_object(content)
    except RefusedError as error:
        return _read(content, str(error)), error.reason is not Reason.NOT_AN_OBJECT
    if content.count(b"[") + content.count(b"{") > MOST_DEPTH and is_deeper(value, MOST_DEPTH):
        return _read(content, "nested too deep"), True
    return value, False


def _read(content: bytes, why: str) -> Any:
    text = content.decode(json.detect_encoding(content), "replace").removeprefix("\ufeff")
    if text.count("[") + text.count("{") > MOST_DEPTH:
        text = _cut(text)
    try:
        value = json.loads(
            text, strict=False, parse_constant=_nothing, parse_int=_integer, parse_float=_float
        )
    except (ValueError, RecursionError):
        raise ValueError(why) from None
    return _holdable(value)


def _nothing(_: str) -> None:
    return None


def _integer(digits: str) -> int | float | None:
    if len(digits) < 19:
        return int(digits)
    if len(digits) < 25 and -(1 << 63) <= (number := int(digits)) < 1 << 64:
        return number
    return _float(digits)


def _float(digits: str) -> float | None:
    number = float(digits)
    return number if isfinite(number) else None


def _holdable(value: Any) -> Any:
    match value:
        case str():
            return _UNHOLDABLE.sub(_STANDS_FOR, value)
        case dict():
            return {_holdable(name): _holdable(member) for name, member in value.items()}
        case list():
            return [_holdable(member) for member in value]
        case _:
            return value


def _cut(text: str) -> str:
    """Replace values that are nested too deep by null."""
    pieces: list[str] = []
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        match text[token.start()]:
            case "[" | "{":
                depth += 1
                if depth == MOST_DEPTH + 1:
                    pieces.append(text[begin : token.start()])
            case "]" | "}":
                if depth == MOST_DEPTH + 1:
                    pieces.append("null")
                    begin = token.end()
                depth -= 1
            case _:
                pass
    pieces.append(text[begin:] if depth <= MOST_DEPTH else "null")
    return "".join(pieces)
