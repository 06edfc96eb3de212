"""The worker's kind of lane: many slow jobs at once, finished in any order, committed in groups.

Invariants:
- The committed offset is that of the first unfinished job. Jobs finished beyond it are in the commit metadata
  as a bitmap, so the lane's next owner does not run them again.
- A job's records and its offset (or bit) are in the same transaction.
- A finished job waits for others to join its transaction, at most a twentieth of its own duration.
- If a commit fails, only the commit is repeated and the finished jobs are kept, unless another process has
  owned the partition since.
- A record on which the handler raises, or whose results a topic refuses, ends alone (see `Failing`); the work
  of other jobs is kept.
- An agent's jobs with the same order key run one after another; all others run at once.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pointsman.bus.codec.payloads import Inline, Payloads
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.consume.processing_delay import observe_processing_delay, times_of
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.produce.bitmap import MAX_SPAN, encode_metadata
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure

log = logging.getLogger(__name__)

#: The headers that together order jobs: two agents may use the same key independently.
ORDER_KEY_HEADER, AGENT_HEADER = "ce_orderkey", "ce_agentid"

#: How long a finished job waits for others: a share of its duration, at most `GATHER_MOST_S`. If the share is
#: under `GATHER_LEAST_S` it does not wait.
GATHER_SHARE, GATHER_LEAST_S, GATHER_MOST_S = 0.05, 0.001, 0.05

#: Seconds between the tries of a handler that raises; after the last one the record is given up.
_TRY_AGAIN_S = (0.1, 0.5)

WindowHandler = Callable[[Incoming], Awaitable[list[Outgoing]]]
_OrderKey = tuple[bytes | None, bytes]


class WindowLane(Lane):
    """Up to `window` jobs run or wait for their commit; as many again wait to run."""

    def __init__(
        self,
        position: int,
        finished: frozenset[int],
        writer: LaneWriter,
        handler: WindowHandler,
        window: int,
        *,
        failing: Failing,
        payloads: Payloads | None = None,
    ) -> None:
        """`payloads`: the store for a large value that a topic refuses."""
        super().__init__(position)
        self._failing = failing
        self._payloads = payloads or Inline()
        self._committed = position
        self._writer = writer
        self._handler = handler
        self._window = window
        #: Offsets that were finished already when the lane was opened or renewed: they are not run again.
        self._finished_before = finished
        self._waiting: deque[Incoming] = deque()
        self._running: dict[int, tuple[Incoming, asyncio.Task[None]]] = {}
        #: Finished jobs that are not committed yet: by offset, the record and its results.
        self._uncommitted: dict[int, tuple[Incoming, list[Outgoing]]] = {}
        #: The offsets in the last commit's metadata: finished jobs beyond the committed offset.
        self._committed_beyond: set[int] = set(finished)
        self._last_of_key: dict[_OrderKey, asyncio.Task[None]] = {}
        self._some_finished = asyncio.Event()
        self._gather_s = 0.0
        self._closing = False
        #: Jobs that wait for an earlier one with the same order key.
        self.behind_key = 0

    @property
    def beyond_window(self) -> int:
        """Jobs that wait because the window is full."""
        return len(self._waiting) if self._is_full else 0

    @property
    def _is_full(self) -> bool:
        return len(self._running) + len(self._uncommitted) >= self._window

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._window and self.position - self._committed < MAX_SPAN // 2

    @property
    def pending(self) -> int:
        return len(self._waiting) + len(self._running) + len(self._uncommitted)

    @property
    def oldest_ms(self) -> int | None:
        running = [record.timestamp_ms for record, _ in self._running.values()]
        finished = [record.timestamp_ms for record, _ in self._uncommitted.values()]
        waiting = [self._waiting[0].timestamp_ms] if self._waiting else []
        return min(running + finished + waiting, default=None)

    def feed(self, records: Sequence[Incoming]) -> None:
        self._waiting.extend(record for record in records if record.offset not in self._finished_before)
        self.position = records[-1].offset + 1
        self._start_some()

    async def run(self) -> None:
        try:
            while True:
                await self._some_finished.wait()
                await asyncio.sleep(self._gather_s)
                async with self._transaction_lock:
                    await self._commit()
        except asyncio.CancelledError:
            await self.abandon()
            raise

    def renew(self, committed: int, finished: frozenset[int], writer: LaneWriter) -> bool:
        """Go on with a new writer from the committed position, after `run` failed.

        `finished`: the offsets in the commit's metadata. False if another process has had the partition.
        """
        # Nothing that this lane committed is missing, and nothing that it still runs was committed by others.
        under_way = {*self._running, *(record.offset for record in self._waiting)}
        is_kept = {offset for offset in self._committed_beyond if offset >= committed} <= finished
        is_in_range = self._committed <= committed <= min(under_way, default=self.position)
        if not is_kept or not is_in_range or under_way & finished:
            return False
        for offset in [offset for offset in self._uncommitted if offset < committed or offset in finished]:
            del self._uncommitted[offset]  # committed by the transaction whose result was unknown
        self._writer, self._committed = writer, committed
        self._finished_before, self._committed_beyond = finished, set(finished)
        self._transaction_lock = asyncio.Lock()
        self._some_finished.set()
        return True

    async def finish(self, grace_s: float) -> None:
        self._closing = True
        tasks = [task for _, task in self._running.values()]
        if tasks and grace_s > 0:
            await asyncio.wait(tasks, timeout=grace_s)
        async with self._transaction_lock:
            await self._commit()

    def _start_some(self) -> None:
        while self._waiting and not self._is_full and not self._closing:
            record = self._waiting.popleft()
            key = _order_key(record)
            before = self._last_of_key.get(key) if key is not None else None
            task = asyncio.create_task(self._run_one(record, before))
            self._running[record.offset] = (record, task)
            if key is not None:
                self._last_of_key[key] = task
                task.add_done_callback(partial(self._forget_key, key))

    def _forget_key(self, key: _OrderKey, task: "asyncio.Task[None]") -> None:
        if self._last_of_key.get(key) is task:
            del self._last_of_key[key]

    async def _run_one(self, record: Incoming, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            self.behind_key += 1
            try:
                await asyncio.wait([before])
            finally:
                self.behind_key -= 1
            if before.cancelled():
                return  # the earlier job was handed back, so this one is too
        started = time.monotonic()
        records = await self._handled(record)
        del self._running[record.offset]
        self._uncommitted[record.offset] = (record, records)
        if not self._some_finished.is_set():
            self._gather_s = gather_s(time.monotonic() - started)
        self._some_finished.set()
        self._start_some()

    async def _handled(self, record: Incoming) -> list[Outgoing]:
        """The handler's records; a dead letter and failed outcome if it keeps raising."""
        for pause_s in (*_TRY_AGAIN_S, None):
            error: BaseException
            try:
                return await self._handler(record)
            except asyncio.CancelledError as cancelled:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                error = cancelled  # something within the handler was cancelled, not this task
            except Exception as raised:  # a handler should not raise: this is a bug in it
                error = raised
            failure(log, Event.HANDLER_FAILED, error, origin=record.origin)
            if pause_s is None:
                break
            await asyncio.sleep(pause_s)
        return self._failing.fail(record, error)

    async def _commit(self) -> None:
        while self._uncommitted:
            try:
                await self._commit_finished()
            except RecordsRefusedError as error:
                self._some_finished.set()
                await self._replace(error.records)
            else:
                return
        self._some_finished.clear()

    async def _replace(self, refused: Sequence[Outgoing]) -> None:
        """Replace the records that topics refused by ones they accept."""
        ids = set(map(id, refused))
        for offset, (record, output) in list(self._uncommitted.items()):
            if not ids.isdisjoint(map(id, output)):
                shorter = await self._failing.replace(record, output, ids, self._payloads)
                self._uncommitted[offset] = (record, shorter)

    async def _commit_finished(self) -> None:
        self._some_finished.clear()
        finished = dict(self._uncommitted)
        unfinished = [*self._running, *(record.offset for record in self._waiting)]
        committed = min(unfinished, default=self.position)
        beyond = {
            offset
            for offset in self._committed_beyond.union(finished, self._finished_before)
            if offset >= committed
        }
        await self._writer.write(
            (record for _, records in finished.values() for record in records),
            committed,
            encode_metadata(committed, beyond),
        )
        self.commits += 1
        self._committed = committed
        self._committed_beyond = beyond
        self._finished_before = frozenset(
            offset for offset in self._finished_before if offset >= self.position
        )
        for offset in finished:
            del self._uncommitted[offset]
        self._start_some()
        records = [record for record, _ in finished.values()]
        observe_processing_delay(records[0].topic, times_of(records))

    async def abandon(self) -> None:
        self._waiting.clear()
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _order_key(record: Incoming) -> _OrderKey | None:
    """The job's agent and order key; None if it has no order key."""
    headers = dict(record.headers)
    key = headers.get(ORDER_KEY_HEADER)
    return None if key is None else (headers.get(AGENT_HEADER), key)


def gather_s(took_s: float) -> float:
    """Seconds to wait for other jobs to finish, after one that took `took_s` seconds."""
    share = GATHER_SHARE * took_s
    return min(share, GATHER_MOST_S) if share >= GATHER_LEAST_S else 0.0


def window_lanes(
    settings: LanePart,
    group: str,
    topic: str,
    handler: WindowHandler,
    window: int,
    *,
    failing: Failing,
    payloads: Payloads | None = None,
    transactions: SharedTransactions | None = None,
) -> Lanes:
    """Lanes that each run up to `window` jobs at once."""

    def open_lane(first: int, position: Position, writer: LaneWriter, failed: Lane | None) -> WindowLane:
        committed = position.behind(first)
        if isinstance(failed, WindowLane) and failed.renew(committed, position.finished, writer):
            return failed
        return WindowLane(
            committed, position.finished, writer, handler, window, failing=failing, payloads=payloads
        )

    return Lanes(settings, group, [topic], open_lane, transactions=transactions)
