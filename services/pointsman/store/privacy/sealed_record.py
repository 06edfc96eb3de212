"""Serializes a record's content (key, headers and value) into one piece, for encryption."""

from base64 import b64decode, b64encode
from typing import NamedTuple

import orjson


class RecordContent(NamedTuple):
    """The parts of a record that its sender chose. `headers`: as in the column of that name."""

    key: bytes | None
    value: bytes | None
    headers: str


def packed(content: RecordContent) -> bytes:
    """Return one line of JSON with key and headers, followed by the value's bytes."""
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
    """Parse the output of `packed`."""
    line, _, value = piece.partition(b"\n")
    header = orjson.loads(line)
    key = header["key"]
    return RecordContent(
        None if key is None else b64decode(key),
        None if header["tombstone"] else value,
        orjson.dumps(header["headers"]).decode(),
    )
