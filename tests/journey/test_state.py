"""Keyed state is counted exactly once while its process is killed or frozen and the broker is killed."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.state.restore import apply as apply_changes
from pointsman.bus.errors import BusError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.dev.servers.child import Child
from pointsman.dev.servers.kafka import EmbeddedKafka
from pointsman.runtime.log_events import Event
from tests.support.bus.counting import PARTITIONS, TICK, Counting

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]

LONG_S = 90
ROOT = Path(__file__).parents[2]
KEYS = [b"key %d" % number for number in range(12)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker for this module only, because it is killed."""
    started = EmbeddedKafka(tmp_path_factory.mktemp("broker"))
    started.start()
    yield started
    started.stop()


class Run(Counting):
    """Two counting processes, continuous input on both topics, and their output."""

    def __init__(self, broker: EmbeddedKafka, folder: Path) -> None:
        super().__init__(f"t{token_hex(4)}")
        self.settings, self._folder = broker.settings, folder
        self._chance = random.Random(15)
        self.processes: dict[str, Child] = {}
        self.came: list[Incoming] = []
        self.enough = False
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "tests.support.bus.counting", self.settings.kafka, self.prefix]
        self.log = self._folder / f"{name} {len(list(self._folder.iterdir()))}.log"
        self.processes[name] = Child(command, self.log, env={"PYTHONPATH": str(ROOT)})

    def kill(self, *names: str) -> None:
        """Kills a process and starts it again."""
        for name in names:
            self.processes[name].kill()
            self.start(name)

    async def feed(self) -> None:
        """Writes until stopped. If a write fails, whether its record was written is found out at the end."""
        while not self.enough:
            with suppress(BusError):
                async with Publisher(self.settings) as publisher:
                    while not self.enough:
                        await publisher.publish([self._record() for _ in range(8)], within=20)
                        await asyncio.sleep(0.02)

    def _record(self) -> Outgoing:
        topic, key = self._chance.choice(self.inputs), self._chance.choice(KEYS)
        return Outgoing(topic, key, token_hex(4).encode(), [])

    async def watch(self) -> None:
        async for record in follow(self.settings, [self.counts.name], start="beginning"):
            self.came.append(record)

    async def until_more(self, count: int = 10) -> None:
        """Waits for more output of each partition, then for a random moment."""
        first = len(self.came)

        def more() -> bool:
            of_each = Counter(record.partition for record in self.came[first:])
            return len(of_each) == PARTITIONS and min(of_each.values()) >= count

        await self.until(more)
        await asyncio.sleep(self._chance.uniform(0, 0.2))

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONG_S):
            while not happened():
                await asyncio.sleep(0.05)
                for task in self.tasks:
                    if task.done():
                        task.result()

    async def read(self, *topics: str) -> list[Incoming]:
        return [record async for record in follow(self.settings, topics, start="beginning", until_end=True)]

    async def check(self) -> None:
        """All input was counted once and in order, and the changelog agrees. Ends the input."""
        self.enough = True
        await self.tasks[0]
        went = await self.read(*self.inputs)
        await self.until(lambda: len(self.came) >= len(went))
        for child in self.processes.values():  # else their timers would write while we read
            assert not child.running or await asyncio.to_thread(child.stop)
        counts_by_key: dict[bytes, list[int]] = defaultdict(list)
        values: Counter[tuple[bytes | None, bytes]] = Counter()
        for record in await self.read(self.counts.name, self.ticks.name):
            count, _, value = (record.value or b"").partition(b" ")
            counts_by_key[record.key or b""].append(int(count))
            if record.topic == self.counts.name:
                values[record.key, value] += 1
        assert values == Counter((record.key, record.value) for record in went)
        assert {
            key: counts for key, counts in counts_by_key.items() if counts != list(range(1, len(counts) + 1))
        } == {}
        state: dict[bytes, bytes] = {}
        apply_changes(state, await self.read(self.changelog.name))
        kept = {key: int(value.strip(b"[").partition(b",")[0]) for key, value in state.items()}
        assert kept == {key: len(counts) for key, counts in counts_by_key.items()}
        assert {key for key in kept if not key.startswith(TICK)} == set(KEYS)


@pytest.fixture
async def run(broker: EmbeddedKafka, tmp_path: Path) -> AsyncIterator[Run]:
    """Both processes running."""
    started = Run(broker, tmp_path)
    await apply(started.settings, started.topics)
    feeding, watching = asyncio.create_task(started.feed()), asyncio.create_task(started.watch())
    started.tasks = [feeding, watching]
    for name in ("one", "two"):
        started.start(name)
    try:
        await started.until_more(1)
        yield started
    finally:
        for child in started.processes.values():
            child.kill()
        for task in started.tasks:
            task.cancel()
        await asyncio.wait(started.tasks)


async def test_killed_ten_times_while_another_process_joins_and_leaves(run: Run) -> None:
    """Kills both during work and one during its start; then a third process joins and leaves."""
    for _ in range(3):
        await run.until_more()
        run.kill("one", "two")
        await run.until(lambda: run.log.stat().st_size > 0)
        run.kill("one")
    await run.until_more()
    assert await asyncio.to_thread(run.processes["one"].stop)
    await run.until_more()
    run.start("one")
    await run.until(lambda: Event.STATE_RESTORED in run.log.read_text())
    await run.until_more()
    run.processes["one"].kill()
    await run.until_more()
    await run.check()


async def test_frozen_past_its_session_and_woken_and_the_broker_killed(
    run: Run, broker: EmbeddedKafka
) -> None:
    os.kill(run.processes["one"].pid, signal.SIGSTOP)
    await run.until_more()  # output of all partitions shows that the other process has them
    os.kill(run.processes["one"].pid, signal.SIGCONT)
    await run.until_more()
    broker.kill()
    broker.start()
    await run.until_more()
    await run.check()
