"""Records for one partition, encoded and compressed as a Kafka batch holds them (record format 2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam

from pointsman.bus.codec.record_format import read_record
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.protocol.wire import WireReader

#: Level 3, the broker's own, makes of routed jobs 7 % fewer bytes in 15 % more time.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """`count` records that fit one batch. `content`: the bytes after a batch's header.

    `partition`: the target, if the topic has it; this saves hashing keys where order does not matter.
    """

    topic: str
    partition: int
    count: int
    content: bytes

    def unpack(self) -> list[Outgoing]:
        """The records one by one."""
        reader = WireReader(bytes(cramjam.zstd.decompress(self.content)))
        records = []
        for _ in range(self.count):
            _, _, key, value, headers = read_record(reader)
            records.append(Outgoing(self.topic, key, value, list(headers)))
        return records


#: What a lane writes.
Made = Outgoing | EncodedBatch


def compressed(records: Any) -> bytes:
    """The content of a batch; `records` is a buffer in which they stand one after another."""
    return bytes(cramjam.zstd.compress(records, level=_LEVEL))


def unpacked(made: Iterable[Made]) -> Iterator[Outgoing]:
    """Every record by itself."""
    for item in made:
        if isinstance(item, EncodedBatch):
            yield from item.unpack()
        else:
            yield item
