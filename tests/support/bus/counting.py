"""A state handler that counts the records of each key and writes everything that its lanes do.

`python -m tests.support.bus.counting BOOTSTRAP PREFIX` runs its lanes as a separate process until SIGTERM.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.consume.state.handler import Effects, StateHandler
from pointsman.bus.consume.state.state_lane import state_lanes
from pointsman.bus.settings import LanePart
from pointsman.runtime import logging
from pointsman.runtime.clock import utc_now
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

PARTITIONS = 4
POISON, HUGE = b"poison", b"huge"
TICK = b"tick"
_BETWEEN_TICKS = timedelta(milliseconds=300)


class Counting:
    """The topics of one prefix. Records of both inputs are counted together."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.group = f"{prefix}.counting"
        self.asked, self.told = self._topic("asked"), self._topic("told")
        self.counts, self.ticks = self._topic("counts"), self._topic("ticks")
        self.changelog = self._topic("state", compacted=True)
        self.dead = Topics(prefix).dead

    @property
    def inputs(self) -> list[str]:
        return [self.asked.name, self.told.name]

    @property
    def topics(self) -> list[Topic]:
        return [self.asked, self.told, self.counts, self.ticks, self.changelog, self.dead]

    def _topic(self, name: str, *, compacted: bool = False) -> Topic:
        return Topic(
            f"{self.prefix}.{name}", name, "key", PARTITIONS, timedelta(days=1), (), (), compacted=compacted
        )

    def lanes(self, settings: LanePart, handler: Callable[[int], StateHandler] | None = None) -> Lanes:
        return state_lanes(
            settings,
            self.group,
            self.inputs,
            self.changelog.name,
            handler or partial(CountingHandler, self),
            failing=Failing(Topics(self.prefix), stage="counting", source="test", clock=utc_now),
            clock=utc_now,
        )


class CountingHandler:
    """Writes the new count of each record's key with the record's value, and has timers."""

    def __init__(self, topics: Counting, partition: int) -> None:
        self._topics = topics
        self._tick = b"%s/%d" % (TICK, partition)

    def handle(self, record: Incoming, state: Mapping[bytes, bytes]) -> Effects:
        key, value = record.key or b"", record.value or b""
        if value == POISON:
            raise ValueError("poison")
        count = int(state.get(key, b"0")) + 1
        content = b"x" * 10_000_000 if value == HUGE else b"%d" % count
        output = Outgoing(self._topics.counts.name, key, b"%d %s" % (count, value), [])
        return Effects([output], [Outgoing(self._topics.changelog.name, key, content, [])])

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        count, at = json.loads(state.get(self._tick, b"[0, 0]"))
        if now.timestamp() - at < _BETWEEN_TICKS.total_seconds():
            return Effects()
        content = json.dumps([count + 1, now.timestamp()]).encode()
        output = Outgoing(self._topics.ticks.name, self._tick, b"%d" % (count + 1), [])
        return Effects([output], [Outgoing(self._topics.changelog.name, self._tick, content, [])])


async def main(bootstrap: str, prefix: str) -> None:
    logging.configure()
    settings = LanePart(kafka=bootstrap, prefix=prefix, transaction_timeout_ms=1_000)
    # Shorter than in production, so that its partitions are reassigned soon.
    lanes = Counting(prefix).lanes(settings.model_copy(update={"session_timeout_ms": 4_000}))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lanes.stop)
    await lanes.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
