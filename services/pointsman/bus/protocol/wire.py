"""Kafka's flexible wire format (KIP-482): the types used by our requests."""

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from pointsman.bus.partition import Partition

T = TypeVar("T")

#: An empty set of tagged fields.
NO_TAGS = b"\x00"


def varint(number: int) -> bytes:
    """Encode an unsigned number, seven bits to a byte, the lowest first."""
    if number < 0x80:
        return number.to_bytes(1, "big")
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def compact(value: bytes | bytearray | None) -> bytes:
    """Encode a text or bytes after their length; None differs from empty."""
    return b"\x00" if value is None else varint(len(value) + 1) + value


def array(items: Iterable[bytes]) -> bytes:
    """Encode an array of encoded items."""
    listed = list(items)
    return varint(len(listed) + 1) + b"".join(listed)


def by_topic(topics: Mapping[str, Iterable[bytes]]) -> bytes:
    """Encode an array of topics by name, each with an array of its partitions' items."""
    return array(compact(topic.encode()) + array(items) + NO_TAGS for topic, items in topics.items())


class WireReader:
    """Reads a response from start to end.

    Every method raises `struct.error` or `IndexError` if the response is too short.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        """Read numbers of fixed length."""
        numbers = form.unpack_from(self._data, self._at)
        self._at += form.size
        return numbers

    def varint(self) -> int:
        """Read an unsigned number."""
        number = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def compact(self) -> bytes | None:
        """Read a text or bytes; None if null."""
        size = self.varint() - 1
        if size < 0:
            return None
        return self.take(size)

    def array(self, item: "Callable[[WireReader], T]") -> list[T]:
        """Read an array; `item` reads each item."""
        return [item(self) for _ in range(self.varint() - 1)]

    def text(self) -> str:
        """Read a text; null becomes empty."""
        return (self.compact() or b"").decode()

    def by_topic(
        self,
        item: "Callable[[WireReader], tuple[int, T]]",
        topic: "Callable[[WireReader], str]" = text,
    ) -> dict[Partition, T]:
        """Read an array of topics; `item` reads each partition's number and content, `topic` the topic."""
        parts: dict[Partition, T] = {}
        for _ in range(self.varint() - 1):
            name = topic(self)
            parts.update({(name, partition): part for partition, part in self.array(item)})
            self.tags()
        return parts

    def tags(self) -> dict[int, bytes]:
        """Read tagged fields, by number."""
        return {self.varint(): self.take(self.varint()) for _ in range(self.varint())}

    def take(self, size: int) -> bytes:
        """Read so many bytes."""
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise IndexError(f"{size} bytes are announced, {len(self._data) - start} are left")
        return self._data[start : self._at]
