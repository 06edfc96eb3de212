"""The live table: each topic with its rate, what waits in front of it, and the age of the oldest."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from pointsman.bus.lag import LaneLag


@dataclass
class Board:
    """Remembers the last look, to tell a rate."""

    prefix: str
    _counts: Mapping[str, int]
    _looked: float

    @classmethod
    def empty(cls, prefix: str) -> "Board":
        """A board before its first look."""
        return cls(prefix, {}, time.monotonic())

    def draw(self, lanes: Sequence[LaneLag], counts: Mapping[str, int]) -> Table:
        """The table; `counts` are records of each topic that are in the audit table."""
        now = time.monotonic()
        seconds = max(now - self._looked, 0.001)
        waiting = {lane.topic: lane for lane in lanes}
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("topic")
        for name in ("audited", "per second", "waiting", "oldest"):
            table.add_column(name, justify="right")
        for topic, count in counts.items():
            rate = (count - self._counts.get(topic, count)) / seconds
            lane = waiting.get(topic)
            table.add_row(
                topic.removeprefix(f"{self.prefix}."),
                f"{count:,}",
                f"{rate:.0f}",
                f"{lane.waiting:,}" if lane else "",
                f"{lane.oldest_s:.1f} s" if lane and lane.oldest_s is not None else "",
            )
        self._counts, self._looked = dict(counts), now
        return table
