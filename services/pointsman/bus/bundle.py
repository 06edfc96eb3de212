"""Many records for one partition as one of Kafka's batches has them (record format 2), compressed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam

from pointsman.bus.records import Outgoing

#: Level 3, the broker's own, makes of routed jobs 7 % fewer bytes in 15 % more time.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Bundle:
    """`count` records, as few as fit one batch. `content`: what stands behind a batch's head.

    `beside`: as of an `Outgoing`.
    """

    topic: str
    beside: int
    count: int
    content: bytes

    def unpack(self) -> list[Outgoing]:
        """The records one by one."""
        reader = _Reader(bytes(cramjam.zstd.decompress(self.content)))
        return [reader.record(self.topic, self.beside) for _ in range(self.count)]


#: What a lane writes.
Made = Outgoing | Bundle


def compressed(records: Any) -> bytes:
    """The content of a bundle; `records` is a buffer in which they stand one after another."""
    return bytes(cramjam.zstd.compress(records, level=_LEVEL))


def unpacked(made: Iterable[Made]) -> Iterator[Outgoing]:
    """Every record by itself."""
    for each in made:
        if isinstance(each, Bundle):
            yield from each.unpack()
        else:
            yield each


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def record(self, topic: str, beside: int) -> Outgoing:
        self._number()  # its size
        self._at += 1  # no attributes
        self._number()  # no time since the first record
        self._number()  # its place in the batch
        key, value = self._sized(), self._sized()
        headers = [((self._sized() or b"").decode(), self._sized() or b"") for _ in range(self._number())]
        return Outgoing(topic, key, value, headers, beside)

    def _sized(self) -> bytes | None:
        size = self._number()
        if size < 0:
            return None
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self) -> int:
        """Seven bits to a byte, the lowest first; the sign is the lowest bit."""
        number = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number >> 1 ^ -(number & 1)
