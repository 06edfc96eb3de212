"""Encodes which offsets beyond the committed one are finished, as a bitmap that fits commit metadata."""

import base64
import zlib
from collections.abc import Iterable

from pointsman.bus.admin.topic_seed import unmark

#: How far finished offsets may be ahead of the committed one. 20,000 bits fit the broker's default limit of
#: 4,096 bytes of metadata even when they do not compress.
MAX_SPAN = 20_000

_MARK = "done1:"


def encode_metadata(committed: int, finished: Iterable[int]) -> str:
    """Return the commit metadata for `finished` offsets, each in [committed, committed + MAX_SPAN)."""
    bits = 0
    for offset in finished:
        if not 0 <= offset - committed < MAX_SPAN:
            raise ValueError(f"offset {offset} is not within {MAX_SPAN} of {committed}")
        bits |= 1 << (offset - committed)
    if not bits:
        return ""
    packed = zlib.compress(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), 6)
    return _MARK + base64.b64encode(packed).decode()


def decode_metadata(committed: int, metadata: str) -> frozenset[int]:
    """Return the finished offsets beyond `committed`; empty for metadata in another format."""
    _, metadata = unmark(metadata)
    if not metadata.startswith(_MARK):
        return frozenset()
    bits = int.from_bytes(zlib.decompress(base64.b64decode(metadata[len(_MARK) :])), "little")
    return frozenset(committed + place for place in range(bits.bit_length()) if bits >> place & 1)
