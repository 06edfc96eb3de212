"""The host of lanes: one member of a consumer group, with one lane for each assigned partition.

Invariants:
- A full lane is not fetched for, and never holds up the lanes that have room.
- A lane commits its offset with the group generation under which it was assigned; the broker refuses it once
  that generation is over. A lane starts only from an offset that no transaction of a former owner can still
  move.
- During a rebalance lanes go on until the new assignment is known. Those that stay go on after it too, unless
  another process owned them in between.
- With several topics, a partition number has lanes only if it is assigned for every topic.
- A failed lane is reopened only while this process is in the group: one that was frozen must not repeat, when
  it wakes, the work of those who took over.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from pointsman.bus.admin.look_back import looked_back
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.group_member import GroupMember, group_member, keep_connected
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lost import pass_over_lost
from pointsman.bus.errors import line_of
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.bus.settings import LanePart
from pointsman.runtime.background import wait_at_most
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LANE_AGE, LANE_LAG

log = logging.getLogger(__name__)

#: Opens a lane: (the partition's first offset, committed position, writer, failed lane or None) -> a lane.
#: It may return the failed lane, which then continues.
OpenLane = Callable[[int, Position, LaneWriter, Lane | None], Lane]

#: How long the host waits for records, and how long if a lane is full, seconds.
_POLL_S, _FULL_POLL_S = 1.0, 0.02
_MEASURE_S = 2
#: After a rebalance: the time for checking that no other process has had a lane, seconds.
_OWNERSHIP_CHECK_S = 1
_ASK_AGAIN_S = 0.1
#: Until a failed lane is reopened, seconds; doubles each time that it committed nothing.
_REOPEN_S, _REOPEN_MOST_S = 0.1, 5.0


@dataclass(slots=True)
class _Reopening:
    """`lane`: the one that runs, or else the one that failed. `commits`: its count when it was opened."""

    lane: Lane | None = None
    commits: int = 0
    has_failed: bool = False
    delay_s: float = 0.0

    @property
    def is_stuck(self) -> bool:
        """Whether a reopened lane has work, and committed nothing yet: it may fail again."""
        lane = self.lane
        return self.has_failed and lane is not None and lane.commits == self.commits and lane.pending > 0

    def next_delay_s(self) -> float:
        """Seconds until the lane that failed is reopened."""
        self.delay_s = min(max(_REOPEN_S, 2 * self.delay_s), _REOPEN_MOST_S)
        if self.lane is not None and self.lane.commits > self.commits:
            self.delay_s, self.commits = _REOPEN_S, self.lane.commits
        return self.delay_s


class Lanes:
    """Runs the lanes of one consumer group; all its topics have the same number of partitions."""

    def __init__(
        self,
        settings: LanePart,
        group: str,
        topics: Sequence[str],
        open_lane: OpenLane,
        looks_back: Callable[[], timedelta | None] = lambda: None,
        *,
        transactions: SharedTransactions | None = None,
    ) -> None:
        """`looks_back`: a lane that opens is first fed the records from that time before its position.

        `transactions`: shared with other groups; None: the lanes have their own.
        """
        self._settings = settings
        self._shared = transactions or SharedTransactions(settings)
        self._looks_back = looks_back
        self._group = group
        self._topics = topics
        self._open_lane = open_lane
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._lanes: dict[TopicPartition, Lane] = {}
        self._writers: dict[TopicPartition, LaneWriter] = {}
        self._run_timeouts: dict[TopicPartition, asyncio.Timeout] = {}
        self._reopenings: dict[TopicPartition, _Reopening] = {}
        self._stopping = asyncio.Event()
        self._assigned = False
        self._member: GroupMember | None = None
        self._transactions: TransactionQueue | None = None
        #: The group membership under which our lanes were assigned.
        self._membership: Membership | None = None

    @property
    def ready(self) -> bool:
        """Whether partitions (perhaps none) are assigned and every lane is open.

        A lane that failed counts once it has committed something, if it has anything to do.
        """
        is_open = self._assigned and self._tasks.keys() == self._lanes.keys()
        return is_open and all(
            lane.ready and not self._reopenings[tp].is_stuck for tp, lane in self._lanes.items()
        )

    @property
    def opened(self) -> list[Lane]:
        """The open lanes."""
        return list(self._lanes.values())

    def stop(self) -> None:
        """Make `run` finish the work in flight and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped; reconnects when a connection breaks."""
        await keep_connected(self._stopping, self._connected)

    async def _connected(self) -> None:
        aligned = len(self._topics) > 1
        async with (
            group_member(self._settings, self._group, aligned=aligned) as member,
            self._shared.opened(self._group) as self._transactions,
        ):
            self._member = member
            try:
                await member.join(self.assigned, topics=self._topics)
                await self._poll(member)
                await self._finish()
            finally:
                await self._abandon(list(self._tasks))
                self._assigned, self._member = False, None

    async def _poll(self, member: GroupMember) -> None:
        fetcher = member.fetcher
        next_measure = 0.0
        for watchdog in member.polls(self._stopping):
            if not member.settled.is_set():
                await wait_at_most(_POLL_S, member.settled)
                continue
            hungry = [tp for tp, lane in self._lanes.items() if lane.has_room]
            full = len(hungry) < len(self._tasks)
            await member.gather(hungry, _FULL_POLL_S if full else _POLL_S)
            for tp, lane in self._lanes.items():
                fetch_buffer = fetcher.fetch_buffer(tp)
                while fetch_buffer and lane.has_room:
                    lane.offer(fetch_buffer)
                if not fetch_buffer:
                    lane.passed(fetcher.next_offset(tp))
                if fetcher.halted(tp) and not lane.pending:
                    # The lane fails with TimeoutError and is reopened, from where the topic now begins.
                    self._run_timeouts[tp].reschedule(0)  # a time in the past: at once
            await watchdog.look({tp: lane.position for tp, lane in self._lanes.items() if lane.has_room})
            if time.monotonic() >= next_measure:
                next_measure = time.monotonic() + _MEASURE_S
                self._measure(fetcher)

    def _measure(self, fetcher: Fetcher) -> None:
        now_ms = time.time() * 1000
        for tp, lane in self._lanes.items():
            LANE_LAG.labels(tp.topic, tp.partition).set(lane.pending + fetcher.unread(tp))
            age_ms = max(0.0, now_ms - lane.oldest_ms) if lane.oldest_ms is not None else 0.0
            LANE_AGE.labels(tp.topic, tp.partition).set(age_ms / 1000)

    async def _finish(self) -> None:
        """Let every lane finish, within bounds: without a broker a commit would never return."""
        grace_s = self._settings.grace_s
        finishing = [asyncio.create_task(lane.finish(grace_s)) for lane in self._lanes.values()]
        if not finishing:
            return
        limit_s = grace_s + self._settings.request_timeout_ms / 1000
        done, late = await asyncio.wait(finishing, timeout=limit_s)
        for task in late:
            task.cancel()
        if late:
            event(log, logging.WARNING, Event.COMMITS_ABANDONED, lanes=len(late))
        for task in done:
            task.result()

    async def assigned(self, owned: set[TopicPartition]) -> None:
        """Called after a rebalance: abandon revoked lanes, resume those that stay, open new ones."""
        member = self._member
        assert member is not None
        membership = member.membership
        complete = {tp for tp in owned if self._has_all_topics(tp.partition, owned)}
        incomplete = owned - complete
        await self._abandon([tp for tp in self._tasks if tp not in complete])
        lanes = dict(self._lanes)
        await self._abandon(await self._changed_lanes(member))
        if self._member is not member:
            return  # the connection ended meanwhile: nobody would own a lane that is opened now
        # A lane that is being opened right now has the former membership: its first write will be refused.
        self._membership = membership
        for tp, lane in self._lanes.items():
            if lanes.get(tp) != lane:
                continue
            self._writers[tp].membership = membership
            self._writers[tp].forget_partitions()
            member.fetcher.seek(tp, lane.position, self._writers[tp].mark)
            lane.resume()
        for tp in complete - self._tasks.keys():
            self._tasks[tp] = asyncio.create_task(
                self._keep_open(tp, member), name=f"{tp.topic}-{tp.partition}"
            )
        self._assigned = not incomplete
        partitions = sorted({tp.partition for tp in complete})
        event(log, logging.INFO, Event.PARTITIONS_ASSIGNED, group=self._group, partitions=partitions)
        if incomplete:
            partitions = sorted({tp.partition for tp in incomplete})
            event(
                log, logging.ERROR, Event.PARTITIONS_APART, topics=list(self._topics), partitions=partitions
            )

    def _has_all_topics(self, partition: int, owned: set[TopicPartition]) -> bool:
        return all(TopicPartition(topic, partition) in owned for topic in self._topics)

    async def _changed_lanes(self, member: GroupMember) -> list[TopicPartition]:
        """Pause all lanes; return those whose committed offset another process moved, or is unknown."""
        writers = dict(self._writers)
        checks = [self._is_still_ours(member, self._lanes[tp], writer) for tp, writer in writers.items()]
        ours = await _within(_OWNERSHIP_CHECK_S, checks)
        changed = [tp for tp, is_ours in zip(writers, ours, strict=True) if is_ours is not True]
        if changed:
            partitions = sorted(tp.partition for tp in changed)
            event(log, logging.WARNING, Event.OWNERSHIP_LOST, partitions=partitions)
        return changed

    async def _is_still_ours(self, member: GroupMember, lane: Lane, writer: LaneWriter) -> bool:
        await lane.pause()  # or its position might move during the check
        return await writer.is_last(member.admin, within=_OWNERSHIP_CHECK_S)

    async def _abandon(self, partitions: list[TopicPartition]) -> None:
        tasks = [self._tasks.pop(tp) for tp in partitions]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep_open(self, tp: TopicPartition, member: GroupMember) -> None:
        reopening = self._reopenings[tp] = _Reopening()
        try:
            while True:
                try:
                    await self._run_once(tp, member, reopening)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # whatever broke, the lane goes on from its committed position
                    fields = tp._asdict() | {"error": line_of(error), "cause": repr(error.__cause__)}
                    event(log, logging.WARNING, Event.LANE_FAILED, **fields)
                    reopening.has_failed = True
                await asyncio.sleep(reopening.next_delay_s())
                # Ends by cancellation if the lane is assigned to another process.
                while not await member.is_member():  # noqa: ASYNC110
                    await asyncio.sleep(_ASK_AGAIN_S)
        finally:
            self._reopenings.pop(tp, None)
            if reopening.lane is not None:
                await reopening.lane.abandon()

    async def _run_once(self, tp: TopicPartition, member: GroupMember, reopening: _Reopening) -> None:
        """Open the lane and run it until it fails."""
        fetcher, place = member.fetcher, (tp.topic, tp.partition)
        transactions, membership = self._transactions, self._membership
        assert transactions is not None
        assert membership is not None
        await fetcher.set_topics(self._topics)
        topic_id = fetcher.ids.get(tp.topic)
        if topic_id is None:
            raise UnknownTopicOrPartitionError(tp.topic)
        writer = LaneWriter(self._group, tp, transactions, membership)
        try:
            position = await writer.position(member.admin, topic_id.topic)
            first = await fetcher.partitions.first(place)
            failed = reopening.lane
            lane = self._open_lane(first, position, writer, failed)
            if failed is not None and lane is not failed:
                await failed.abandon()
                reopening.lane = None  # its position is beyond records that it dropped
            span = self._looks_back()
            if lane is not failed and span is not None and position.next_offset is not None:
                from_there = await looked_back(fetcher.partitions, place, position.next_offset, span)
                lane.position = max(first, min(lane.position, from_there))
            if lane is not failed:
                await pass_over_lost(self._settings, self._group, writer, position, first)
            reopening.lane, reopening.commits = lane, lane.commits
            fetcher.seek(tp, lane.position, writer.mark)
            async with asyncio.timeout(None) as self._run_timeouts[tp]:
                self._lanes[tp], self._writers[tp] = lane, writer
                await lane.run()
        finally:
            self._run_timeouts.pop(tp, None)
            self._lanes.pop(tp, None)
            self._writers.pop(tp, None)
            fetcher.forget(tp)


async def _within(seconds: float, works: Iterable[Coroutine[Any, Any, object]]) -> list[object]:
    """Run all at once; return the result of each, or its error if it failed or took longer."""
    limited = [asyncio.wait_for(work, seconds) for work in works]
    return await asyncio.gather(*limited, return_exceptions=True)
