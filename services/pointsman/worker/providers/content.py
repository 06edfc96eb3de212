"""Decodes HTTP content encodings piece by piece, within a size limit.

Only encodings that can be decoded within a limit are requested (ACCEPTED).
"""

import zlib
from collections.abc import Iterator
from typing import Protocol

ACCEPTED = "gzip, deflate"

#: The most bytes that one step of a decoder returns.
_PIECE = 64 * 1024
#: A limit on gzip members: many tiny ones would cost much time for few bytes.
_MOST_MEMBERS = 256
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


class UnreadableError(ValueError):
    """The body cannot be decoded; the text says why."""


class Decoder(Protocol):
    """Decodes bytes in small pieces."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded pieces of `data`. Raises UnreadableError."""

    def finish(self) -> None:
        """End the input. Raises UnreadableError if something is missing."""


def decoder_of(encoding: str) -> Decoder:
    """Return the decoder for a `Content-Encoding`.

    Raises UnreadableError if the encoding was not requested.
    """
    names = [name for part in encoding.lower().split(",") if (name := part.strip()) not in ("", "identity")]
    match names:
        case []:
            return Plain()
        case ["gzip" | "x-gzip"]:
            return Deflated(_GZIP)
        case ["deflate"]:
            return Deflated(None)
        case _:
            raise UnreadableError(f"its Content-Encoding {encoding[:60]!r} was not asked for ({ACCEPTED})")


class Plain:
    """No encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        yield data

    def finish(self) -> None:
        """See `Decoder`."""


class Deflated:
    """gzip with any number of members, or `deflate`, with zlib's header or without."""

    def __init__(self, wbits: int | None) -> None:
        self._wbits = wbits
        self._stream = None if wbits is None else zlib.decompressobj(wbits)
        self._begun = self._at_end = False
        self._members = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        self._begun = self._begun or bool(data)
        while data or not self._at_end:
            if self._at_end:
                if self._wbits != _GZIP or not data.startswith(_GZIP_MAGIC):
                    return  # padding, which some servers append
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise UnreadableError(f"it is compressed in more than {_MOST_MEMBERS} parts")
                self._stream, self._at_end = zlib.decompressobj(_GZIP), False
            if self._stream is None:
                if not data:
                    return
                self._stream = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 15 == 8 else -zlib.MAX_WBITS)
            try:
                piece = self._stream.decompress(data, _PIECE)
            except zlib.error as error:
                raise UnreadableError(f"it cannot be decompressed ({error})") from error
            if piece:
                yield piece
            if self._stream.eof:
                self._at_end, data = True, self._stream.unused_data
                continue
            data = self._stream.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return

    def finish(self) -> None:
        """See `Decoder`."""
        if self._begun and not self._at_end:
            raise UnreadableError("its compressed body is cut off")
