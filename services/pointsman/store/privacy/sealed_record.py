"""A record's content (key, headers and value) in one piece, for encryption."""

from base64 import b64decode, b64encode
from typing import NamedTuple

import orjson


class RecordContent(NamedTuple):
    """The content that the sender chose. `headers`: as in the column of that name."""

    key: bytes | None
    value: bytes | None
    headers: str


def packed(content: RecordContent) -> bytes:
    """One line of JSON with key and headers, then the value as it is."""
    key, value, headers = content
    header = orjson.dumps(
        {
            "key": None if key is None else b64encode(key).decode(),
            "headers": orjson.Fragment(headers),
            "tombstone": value is None,
        }
    )
    return header + b"\n" + (value or b"")


def unpacked(piece: bytes) -> RecordContent:
    """What `packed` made a piece of."""
    line, _, value = piece.partition(b"\n")
    header = orjson.loads(line)
    key = header["key"]
    return RecordContent(
        None if key is None else b64decode(key),
        None if header["tombstone"] else value,
        orjson.dumps(header["headers"]).decode(),
    )
