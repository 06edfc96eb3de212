"""Kafka's compression codecs with an output limit, as a few bytes may decompress to gigabytes.

Codecs write into a buffer of the limit's size.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any

import cramjam

#: More than a batch may hold, decompressed: twice the largest record that is sent.
MAX_BATCH_BYTES = 16 * 1024 * 1024

#: What is tried first, as a multiple of what was compressed and at least; and how much more the next time.
_RATIO, _LEAST, _MORE = 8, 64 * 1024, 8
#: Snappy in blocks, as Java has it: magic, version and the oldest that reads it; then each block's size.
_XERIAL, _XERIAL_HEAD, _BLOCK = b"\x82SNAPPY\x00", 16, Struct(">i")


class DecompressError(ValueError):
    """The content is corrupt or exceeds the limit; codecs do not distinguish the two."""


def decompress(codec: int, data: bytes, limit: int = MAX_BATCH_BYTES) -> bytes:
    """What `data` holds, by Kafka's number of its codec; 0 is none.

    Raises:
        DecompressError: it is more than `limit` bytes, or broken, or the codec is not known.
    """
    if codec == 0:
        plain = data if len(data) <= limit else None
    elif codec == _SNAPPY:
        plain = _snappy(data, limit)
    else:
        plain = _streamed(_INTO.get(codec), data, limit)
    if plain is None:
        raise DecompressError(f"{len(data):,} bytes do not decompress to at most {limit:,}")
    return plain


_SNAPPY = 2
_INTO: dict[int, Callable[[bytes, bytearray], int]] = {
    1: cramjam.gzip.decompress_into,
    3: cramjam.lz4.decompress_into,
    4: cramjam.zstd.decompress_into,
}


def _streamed(into: Callable[[bytes, bytearray], int] | None, data: bytes, limit: int) -> bytes | None:
    size = min(limit, max(_LEAST, _RATIO * len(data)))
    while into is not None:
        room = bytearray(size)
        try:
            return bytes(memoryview(room)[: into(data, room)])
        except cramjam.DecompressionError:
            if size == limit:
                break
        size = min(limit, size * _MORE)
    return None


def _snappy(data: bytes, limit: int) -> bytes | None:
    if not data.startswith(_XERIAL):
        return _block(data, limit)
    plain = bytearray()
    at = _XERIAL_HEAD
    while at < len(data):
        if at + _BLOCK.size > len(data):
            return None
        (size,) = _BLOCK.unpack_from(data, at)
        at += _BLOCK.size
        block = _block(data[at : at + size], limit - len(plain)) if 0 <= size <= len(data) - at else None
        if block is None:
            return None
        plain += block
        at += size
    return bytes(plain)


def _block(data: bytes, limit: int) -> bytes | None:
    """One block, whose first bytes say how much it holds: the codec keeps to that."""
    snappy: Any = cramjam.snappy
    try:
        if snappy.decompress_raw_len(data) > limit:
            return None
        return bytes(snappy.decompress_raw(data))
    except cramjam.DecompressionError:
        return None
