"""Holds records of one partition that were fetched and not taken yet."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming

#: The most bytes of values that are taken at a time.
MOST_BYTES = 8 * 1024 * 1024


class FetchBuffer:
    """Batches in order; at most one is decoded at a time, record by record as they are taken."""

    def __init__(self) -> None:
        self._batches: deque[RecordBatch] = deque()
        self._opened: Iterator[Incoming] | None = None
        self._unread = 0

    def __len__(self) -> int:
        """Return the approximate number of records."""
        return self._unread

    def __bool__(self) -> bool:
        """Whether there may be more records."""
        return bool(self._batches) or self._opened is not None

    def put(self, batches: Iterable[RecordBatch]) -> None:
        for batch in batches:
            self._batches.append(batch)
            self._unread += batch.count

    def take(self, most: int) -> list[Incoming]:
        """Return the next records, at most `most`; none only if there are none.

        They are from one batch, and end once they have `MOST_BYTES`: a small batch may decompress to large
        records.
        """
        while self:
            if self._opened is None:
                self._opened = self._batches.popleft().records()
            records: list[Incoming] = []
            size = 0
            for record in islice(self._opened, most):
                records.append(record)
                size += len(record.value or b"")
                if size >= MOST_BYTES:
                    break
            if len(records) < most and size < MOST_BYTES:
                self._opened = None
            self._unread = self._unread - len(records) if self else 0
            if records:
                return records
        return []

    def take_batch(self, most: int) -> RecordBatch | None:
        """Return the next batch if it is untouched and plain and has at most `most` records."""
        if self._opened is None and self._batches:
            first = self._batches[0]
            if first.is_plain and first.count <= most:
                self._unread -= first.count
                return self._batches.popleft()
        return None
