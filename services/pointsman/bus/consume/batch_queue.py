"""The input queue of a batch lane, in order: single records, and Kafka batches not decoded yet."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TypeVar

from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming

Item = TypeVar("Item", Incoming, RecordBatch)

#: Limits of one step: records and bytes, whichever is reached first, but at least one item.
BATCH_RECORDS = 2_000
BATCH_BYTES = 8 * 1024 * 1024
#: A queue with so many records or bytes is full.
BUFFERED_RECORDS = 4_000
BUFFERED_BYTES = 16 * 1024 * 1024


class BatchQueue:
    """`records`, `bytes`: what waits, including batches. `filled`: set while the queue is not empty."""

    def __init__(self) -> None:
        self._items: deque[Incoming | RecordBatch] = deque()
        self.bytes = 0
        self.records = 0
        self.filled = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of items; a batch is one."""
        return len(self._items)

    @property
    def has_room(self) -> bool:
        return self.records < BUFFERED_RECORDS and self.bytes < BUFFERED_BYTES

    @property
    def oldest_ms(self) -> int | None:
        return self._items[0].timestamp_ms if self._items else None

    def put(self, items: Sequence[Incoming | RecordBatch]) -> None:
        """Append items."""
        self._items.extend(items)
        self._count(items, 1)

    def first(self, kind: type[Item]) -> list[Item]:
        """Return as many of the first items as are of this kind and make one step; they stay in the queue."""
        batch: list[Item] = []
        records = size = 0
        for item in self._items:
            if not isinstance(item, kind):
                break
            records += count_of(item)
            size += _size(item)
            if batch and (records > BATCH_RECORDS or size > BATCH_BYTES):
                break
            batch.append(item)
        return batch

    def open(self, batches: Sequence[RecordBatch]) -> None:
        """Replace the first of these batches by their records, about as many as make one step."""
        opened: list[RecordBatch] = []
        records: list[Incoming] = []
        size = 0
        for batch in batches:
            opened.append(batch)
            for record in batch.records():
                records.append(record)
                size += _size(record)
            if size >= BATCH_BYTES:
                break
        self.drop(opened)
        self._items.extendleft(reversed(records))
        self._count(records, 1)

    def drop(self, done: Sequence[Incoming | RecordBatch]) -> None:
        """Remove the first items, which are done."""
        for _ in done:
            self._items.popleft()
        self._count(done, -1)

    def _count(self, items: Sequence[Incoming | RecordBatch], sign: int) -> None:
        self.records += sign * sum(map(count_of, items))
        self.bytes += sign * sum(map(_size, items))
        if self._items:
            self.filled.set()
        else:
            self.filled.clear()


def count_of(item: Incoming | RecordBatch) -> int:
    """Return the number of records in an item."""
    return item.count if isinstance(item, RecordBatch) else 1


def _size(item: Incoming | RecordBatch) -> int:
    """Return the approximate size of an item in bytes."""
    return len(item.raw) if isinstance(item, RecordBatch) else len(item.value or b"")
