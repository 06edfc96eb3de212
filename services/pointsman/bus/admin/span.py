"""What is between a lane's committed offset and the end of its partition: pure, fed record by record."""

from collections.abc import Set

#: A span longer than this is not counted: its first unfinished record gives the age, offsets give the number.
COUNTED = 200


class Span:
    """Offsets [start, end), of which `finished` are done; fed the real records in it, in order."""

    def __init__(self, start: int, end: int, finished: Set[int]) -> None:
        self.start = start
        self.end = end
        self._finished = finished
        self._seen = 0
        self._at = start
        #: Timestamp of the oldest record that waits, milliseconds since 1970.
        self.oldest_ms: int | None = None

    @property
    def settled(self) -> bool:
        """Whether looking at more records would change nothing."""
        return self._at >= self.end or (self.oldest_ms is not None and self.end - self.start > COUNTED)

    @property
    def exact(self) -> bool:
        """Whether `waiting` is a count; else it is an upper bound."""
        return self._at >= self.end

    @property
    def waiting(self) -> int:
        """Records that are not finished: those seen, and as many more as there are offsets left."""
        left = range(self._at, self.end)
        return self._seen + len(left) - sum(offset in left for offset in self._finished)

    def see(self, offset: int, timestamp_ms: int) -> None:
        """A record is there; offsets that were passed over held none (markers, aborted, compacted)."""
        self._at = min(offset + 1, self.end)
        if offset < self.end and offset not in self._finished:
            self._seen += 1
            if self.oldest_ms is None:
                self.oldest_ms = timestamp_ms

    def finish(self) -> None:
        """There is no further record before the end."""
        self._at = self.end
