"""Decodes the records of a batch, after its header (record format 2)."""

from pointsman.bus.protocol.wire import WireReader
from pointsman_schemas.envelope import Headers

#: Timestamp delta (milliseconds), offset delta, key, value, headers.
Parts = tuple[int, int, bytes | None, bytes | None, Headers]


def read_record(reader: WireReader) -> Parts:
    r"""Read the next record. Bytes of a header name that are not UTF-8 become `\xHH`.

    Raises:
        IndexError: the data is shorter than it claims.
    """
    _signed(reader)  # its size
    reader.take(1)  # no attributes
    age_ms, index = _signed(reader), _signed(reader)
    key, value = _sized(reader), _sized(reader)
    headers = tuple((_name(reader), _sized(reader) or b"") for _ in range(_signed(reader)))
    return age_ms, index, key, value, headers


def _name(reader: WireReader) -> str:
    return (_sized(reader) or b"").decode("utf-8", "backslashreplace")


def _sized(reader: WireReader) -> bytes | None:
    size = _signed(reader)
    return None if size < 0 else reader.take(size)


def _signed(reader: WireReader) -> int:
    """Read a zigzag varint: its lowest bit is the sign."""
    number = reader.varint()
    return number >> 1 ^ -(number & 1)
