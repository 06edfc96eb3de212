"""A record's digest: SHA-256 of all that it is on Kafka.

The form is described, byte by byte, in docs/audit-integrity.md; it may never change.
"""

from base64 import b64decode
from collections.abc import Iterable
from hashlib import sha256
from struct import Struct

import orjson

_NUMBERS = Struct(">iqq")
_LENGTH = Struct(">i")
_COUNT = Struct(">I")
_NOTHING = _LENGTH.pack(-1)
_BEGINS = b"pointsman record 1\n"

HeaderPairs = Iterable[tuple[str, bytes | None]]


def record_digest(
    place: tuple[str, int, int],
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: HeaderPairs,
) -> bytes:
    """SHA-256 of a record as it is on Kafka; `place` is topic, partition and offset.

    Every part has its length before it, so that no two records are alike.
    """
    parts = [_BEGINS, _sized(place[0].encode()), _NUMBERS.pack(*place[1:], timestamp_ms)]
    parts.append(_NOTHING if key is None else _LENGTH.pack(len(key)) + key)
    if value is None:
        parts.append(_NOTHING)
    else:
        parts += (_LENGTH.pack(len(value)), value)
    count = len(parts)
    for name, content in headers:
        named = name.encode("utf-8", "surrogatepass")
        parts.append(_LENGTH.pack(len(named)) + named)
        parts.append(_NOTHING if content is None else _LENGTH.pack(len(content)) + content)
    parts.insert(count, _COUNT.pack((len(parts) - count) // 2))
    return sha256(b"".join(parts)).digest()


def stored_headers(text: str) -> list[tuple[str, bytes | None]]:
    """The headers that the column `headers` stands for.

    Raises:
        ValueError, TypeError, KeyError: it is not what the audit writes.
    """
    return [(_name(name), _bytes(value)) for name, value in orjson.loads(text)]


def _sized(part: bytes) -> bytes:
    return _LENGTH.pack(len(part)) + part


def _name(part: str | dict[str, str]) -> str:
    return part if isinstance(part, str) else b64decode(part["base64"]).decode("utf-8", "surrogatepass")


def _bytes(part: str | dict[str, str] | None) -> bytes | None:
    if part is None:
        return None
    return part.encode() if isinstance(part, str) else b64decode(part["base64"])
