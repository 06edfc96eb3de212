"""A lane with keyed state: a batch lane that shares its partition's state with the lanes of other topics.

Invariants:
- Records, state changes and the offset are one transaction. Effects of time alone are written with the
  unchanged offset, so that the broker refuses them from a former owner.
- One lane of a partition works at a time, from its first read of the state until the commit: so the changelog
  has their order.
- The state is restored only while no lane of the partition has an open transaction.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from aiokafka import TopicPartition

from pointsman.bus.codec.payloads import Inline, Payloads
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.batch_lane import STOPS, BatchLane
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.consume.state.handler import StateHandler
from pointsman.bus.consume.state.restore import restore
from pointsman.bus.consume.state.state_table import StateTable
from pointsman.bus.consume.suspects import TRIES, Suspects
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.settings import LanePart
from pointsman.runtime.background import wait_at_most
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure

log = logging.getLogger(__name__)


class StateLane(BatchLane):
    """`table`: the partition's state, which the lanes of all topics share."""

    def __init__(
        self,
        committed: int,
        writer: LaneWriter,
        table: StateTable,
        payloads: Payloads,
        *,
        failing: Failing,
        suspects: Suspects | None,
    ) -> None:
        deposits = _BesideChanges(table.changelog.topic, payloads)
        super().__init__(committed, committed, writer, table, deposits, failing=failing, suspects=suspects)
        self._table = table
        writer.changelog = table.changelog.topic

    @property
    def ready(self) -> bool:
        return self._table.is_restored(self._writer.membership)

    async def run(self) -> None:
        table = self._table
        async with self._transaction_lock, table.lock:
            await table.restore(self._writer)
        while True:
            if not self._waiting.filled.is_set() and table.due_in_s:
                await wait_at_most(table.due_in_s, self._waiting.filled)
            async with self._transaction_lock, table.lock:
                await table.restore(self._writer)
                try:
                    if self._waiting.filled.is_set():
                        await self._step()
                    if not table.due_in_s:
                        await self._due()
                except BaseException:
                    table.discard()
                    raise
                table.measure()

    async def _due(self) -> None:
        """Write the effects of time. A failure is retried later and does not hold records up."""
        table = self._table
        try:
            output = table.due()
        except STOPS:
            raise
        except BaseException:
            self._put_off()
            return
        try:
            if output:
                await self._writer.write(await self._payloads.deposit(output), self._committed)
            table.due_done()
        except RecordsRefusedError:
            self._put_off()

    def _put_off(self) -> None:
        self._table.discard()
        again_s = self._table.due_failed()
        failure(log, Event.DEADLINES_FAILED, **self._table.changelog._asdict(), again_s=again_s)

    async def _replaced(
        self, record: Incoming, output: list[Outgoing], refused: set[int]
    ) -> tuple[Incoming, list[Outgoing]]:
        if any(id(record) in refused and record.topic == self._table.changelog.topic for record in output):
            # A cut change is not what the handler assumes the state to be.
            self.suspects.failed[record.offset] = TRIES
            raise RecordsRefusedError([], f"the changelog does not take what follows from {record.origin}")
        answer = await super()._replaced(record, output, refused)
        # Do not reuse the answer after reopening: other lanes may change the state meanwhile.
        self.suspects.answers.pop(record.offset, None)
        return answer


class _BesideChanges:
    """Keeps the values of changes in the changelog: the state is restored without the store."""

    def __init__(self, changelog: str, payloads: Payloads) -> None:
        self._changelog = changelog
        self._payloads = payloads

    async def fetch(self, records: Sequence[Incoming]) -> Sequence[Incoming]:
        return await self._payloads.fetch(records)

    async def deposit(self, records: list[Outgoing], *, above: int | None = None) -> list[Outgoing]:
        changes = [record for record in records if record.topic == self._changelog]
        others = [record for record in records if record.topic != self._changelog]
        return [*await self._payloads.deposit(others, above=above), *changes]


def state_lanes(
    settings: LanePart,
    group: str,
    topics: Sequence[str],
    changelog: str,
    make_handler: Callable[[int], StateHandler],
    *,
    failing: Failing,
    clock: Clock,
    payloads: Payloads | None = None,
    transactions: SharedTransactions | None = None,
) -> Lanes:
    """Build lanes on these topics. Partitions with the same number share one state, kept in `changelog`.

    All topics have as many partitions as the changelog. `make_handler`: gets the partition's number.
    """
    tables: dict[int, StateTable] = {}

    def open_lane(first: int, position: Position, writer: LaneWriter, failed: Lane | None) -> StateLane:
        partition = writer.lane.partition
        if partition not in tables:
            tp = TopicPartition(changelog, partition)
            read = partial(restore, settings, topics, tp)
            tables[partition] = StateTable(topics, tp, make_handler, clock, read)
        return StateLane(
            position.behind(first),
            writer,
            tables[partition],
            payloads or Inline(),
            failing=failing,
            suspects=failed.suspects if isinstance(failed, StateLane) else None,
        )

    return Lanes(settings, group, topics, open_lane, transactions=transactions)
