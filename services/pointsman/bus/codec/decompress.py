"""Kafka's compression codecs with an output limit, as a few bytes may decompress to gigabytes.

Codecs write into a buffer of bounded size.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any

import cramjam

#: The largest decompressed batch: twice the largest record that is sent.
MAX_BATCH_BYTES = 16 * 1024 * 1024

#: The first buffer's size, as a multiple of the input and at least; the factor for each further attempt.
_RATIO, _LEAST, _MORE = 8, 64 * 1024, 8
#: Java's framing of snappy: magic, version and oldest compatible version; then each block after its size.
_XERIAL, _XERIAL_HEAD, _BLOCK = b"\x82SNAPPY\x00", 16, Struct(">i")


class DecompressError(ValueError):
    """The content is corrupt or exceeds the limit; codecs do not distinguish the two."""


def decompress(codec: int, data: bytes, limit: int = MAX_BATCH_BYTES) -> bytes:
    """Decompress `data` by Kafka's number of the codec; 0 is none.

    Raises:
        DecompressError: the output exceeds `limit` bytes, the input is corrupt, or the codec is unknown.
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
    """Decompress one block. Its first bytes give the output's size, which the codec does not exceed."""
    snappy: Any = cramjam.snappy
    try:
        if snappy.decompress_raw_len(data) > limit:
            return None
        return bytes(snappy.decompress_raw(data))
    except cramjam.DecompressionError:
        return None
