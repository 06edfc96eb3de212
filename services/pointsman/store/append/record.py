"""A record's digest: SHA-256 of the whole Kafka record.

The form is described, byte by byte, in docs/audit-integrity.md; it may never change.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from struct import Struct

import orjson

_NUMBERS = Struct(">iqq")
_LENGTH = Struct(">i")
_COUNT = Struct(">I")
_NOTHING = _LENGTH.pack(-1)
_BEGINS = b"pointsman record 1\n"
_SHORT = 64

HeaderPairs = Iterable[tuple[str, bytes | None]]


def record_digest(
    origin: tuple[str, int, int],
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: HeaderPairs,
) -> bytes:
    """Return the SHA-256 of a record as it is in Kafka; `origin` is topic, partition and offset.

    Every part is preceded by its length, so that different records never have the same encoding.
    """
    parts = [_BEGINS, _sized(origin[0].encode()), _NUMBERS.pack(*origin[1:], timestamp_ms)]
    parts.append(_NOTHING if key is None else _sized(key))
    parts += (_NOTHING,) if value is None else (_LENGTH.pack(len(value)), value)
    sized_headers = [
        (_header_name(name) if len(name) < _SHORT else _sized_name(name))
        + (_NOTHING if content is None else _LENGTH.pack(len(content)) + content)
        for name, content in headers
    ]
    return sha256(b"".join([*parts, _COUNT.pack(len(sized_headers)), *sized_headers])).digest()


def stored_headers(text: str) -> list[tuple[str, bytes | None]]:
    """Parse the column `headers`.

    Raises:
        ValueError, TypeError, KeyError: the text does not have the form that the audit writes.
    """
    return [(_name(name), _bytes(value)) for name, value in orjson.loads(text)]


def in_one_form(text: str) -> bool:
    """Return whether the headers are in canonical form: base64 only for what cannot be text."""
    return all(_is_written(part) for pair in orjson.loads(text) for part in pair)


def _is_written(part: object) -> bool:
    if not isinstance(part, dict):
        return True
    if list(part) != ["base64"]:
        return False
    raw = b64decode(part["base64"])
    try:
        needless = "\0" not in raw.decode()
    except UnicodeDecodeError:
        needless = False
    return not needless and b64encode(raw).decode() == part["base64"]


def _sized_name(name: str) -> bytes:
    return _sized(name.encode("utf-8", "surrogatepass"))


#: Most records have the same few header names.
_header_name = lru_cache(maxsize=1024)(_sized_name)


def _sized(part: bytes) -> bytes:
    return _LENGTH.pack(len(part)) + part


def _name(part: str | dict[str, str]) -> str:
    return part if isinstance(part, str) else b64decode(part["base64"]).decode("utf-8", "surrogatepass")


def _bytes(part: str | dict[str, str] | None) -> bytes | None:
    if part is None:
        return None
    return part.encode() if isinstance(part, str) else b64decode(part["base64"])
