"""The host of lanes: one member of a group, one lane for each partition it is given.

Invariants:
- A full lane is not asked for; those that have room never wait for it.
- A lane writes its position with the membership under which it was given to us, which the broker refuses when
  it is over; it is fed only from a position that no transaction of a former owner can move any more.
- When the group changes hands, lanes go on until the new owners are known. Those that stay go on then too,
  unless another had them meanwhile.
- Of several topics, a partition has lanes only where that of every topic is ours.
- A lane that failed is opened again only by who is in the group: a process that was frozen and wakes must not
  do again what those do who have taken over.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from pointsman.bus.admin.look_back import looked_back
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.group_member import (
    GroupMember,
    first_offset,
    group_member,
    keep_connected,
    wait_at_most,
)
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lost import put_lost_on_record
from pointsman.bus.errors import line_of
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LANE_AGE, LANE_LAG

log = logging.getLogger(__name__)

#: Makes a lane: the first offset that its partition still has, where to go on, its writer, and the lane that
#: failed here before it, if any, which may go on in its place.
OpenLane = Callable[[int, Position, LaneWriter, Lane | None], Lane]

#: How long the host waits for records, and how soon it looks again where a lane is full, seconds.
_POLL_S, _FULL_POLL_S = 1.0, 0.02
_MEASURE_S = 2
#: When the group changes hands: to see whether a lane is still as it was.
_TURN_OVER_S = 1
_ASK_AGAIN_S = 0.1
#: Until a lane that failed is opened anew; twice as long each time that it got no further.
_REOPEN_S, _REOPEN_MOST_S = 0.1, 5.0


class Lanes:
    """Runs the lanes of one consumer group until told to stop, on topics with as many partitions each."""

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
        """`looks_back`: a lane that opens is shown also what came within that time before its own.

        `transactions`: in which they write; None: in their own.
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
        self._reopen: dict[TopicPartition, asyncio.Timeout] = {}
        #: How often a lane that failed had got further when it was opened again.
        self._commits_when_failed: dict[TopicPartition, int] = {}
        self._stopping = asyncio.Event()
        self._assigned = False
        self._member: GroupMember | None = None
        self._transactions: TransactionQueue | None = None
        #: Under which the lanes of ours were given to us.
        self._membership: Membership | None = None

    @property
    def ready(self) -> bool:
        """Whether the group has given us partitions (perhaps none) and every lane of ours is open.

        A lane that failed has to get further first, if there is anything to do for it.
        """
        is_open = self._assigned and self._tasks.keys() == self._lanes.keys()
        return is_open and all(self._goes_on(tp, lane) for tp, lane in self._lanes.items())

    def _goes_on(self, tp: TopicPartition, lane: Lane) -> bool:
        is_stuck = self._commits_when_failed.get(tp) == lane.commits and lane.pending
        return lane.ready and not is_stuck

    @property
    def opened(self) -> list[Lane]:
        """The lanes of ours that are open."""
        return list(self._lanes.values())

    def stop(self) -> None:
        """Finish what is under way and return from `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped; a broken connection is replaced by a new one."""
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
                await self._let_go(list(self._tasks))
                self._assigned, self._member = False, None

    async def _poll(self, member: GroupMember) -> None:
        fetcher = member.fetcher
        next_measure = 0.0
        for watchdog in member.turns(self._stopping):
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
                    self._reopen[tp].reschedule(0)  # a time in the past: at once
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
        """Let every lane finish; a commit to which no broker answers would go on for ever."""
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
        """Told by the group: abandon lanes that are gone, go on with those that stay, open the new ones."""
        member = self._member
        assert member is not None
        membership = member.membership
        given, owned = owned, {tp for tp in owned if self._is_whole(tp.partition, owned)}
        await self._let_go([tp for tp in self._tasks if tp not in owned])
        lanes = dict(self._lanes)
        await self._let_go(await self._moved_on(member))
        if self._member is not member:
            return  # the connection ended meanwhile: a lane that is opened now would be nobody's
        # A lane that is about to open has the former membership: its first write is refused.
        self._membership = membership
        for tp, lane in self._lanes.items():
            if lanes.get(tp) != lane:
                continue
            self._writers[tp].membership = membership
            self._writers[tp].forget_partitions()
            member.fetcher.seek(tp, lane.position, self._writers[tp].mark)
            lane.resume()
        for tp in owned - self._tasks.keys():
            self._tasks[tp] = asyncio.create_task(
                self._keep_open(tp, member), name=f"{tp.topic}-{tp.partition}"
            )
        self._assigned = owned == given
        partitions = sorted({tp.partition for tp in owned})
        event(log, logging.INFO, Event.PARTITIONS_ASSIGNED, group=self._group, partitions=partitions)
        if owned != given:
            apart = sorted({tp.partition for tp in given - owned})
            event(log, logging.ERROR, Event.PARTITIONS_APART, topics=list(self._topics), partitions=apart)

    def _is_whole(self, partition: int, owned: set[TopicPartition]) -> bool:
        return all(TopicPartition(topic, partition) in owned for topic in self._topics)

    async def _moved_on(self, member: GroupMember) -> list[TopicPartition]:
        """Lanes that are ours again but not as we left them, or that nobody can tell of; the others pause."""
        writers = dict(self._writers)
        checks = [self._ours(member, self._lanes[tp], writer) for tp, writer in writers.items()]
        ours = await _within(_TURN_OVER_S, checks)
        changed = [tp for tp, is_ours in zip(writers, ours, strict=True) if is_ours is not True]
        if changed:
            partitions = sorted(tp.partition for tp in changed)
            event(log, logging.WARNING, Event.OWNERSHIP_LOST, partitions=partitions)
        return changed

    async def _ours(self, member: GroupMember, lane: Lane, writer: LaneWriter) -> bool:
        await lane.pause()  # else its position might move while we ask
        return await writer.is_last(member.admin, within=_TURN_OVER_S)

    async def _let_go(self, gone: list[TopicPartition]) -> None:
        tasks = [self._tasks.pop(tp) for tp in gone]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep_open(self, tp: TopicPartition, member: GroupMember) -> None:
        delay, committed = _REOPEN_S / 2, 0
        lives: list[Lane] = []
        try:
            while True:
                try:
                    await self._one_life(tp, member, lives)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # whatever broke, the lane goes on from its committed position
                    fields = tp._asdict() | {"error": line_of(error), "cause": repr(error.__cause__)}
                    event(log, logging.WARNING, Event.LANE_FAILED, **fields)
                    self._commits_when_failed[tp] = -1
                committed, before = sum(lane.commits for lane in lives), committed
                delay = _REOPEN_S if committed != before else min(delay * 2, _REOPEN_MOST_S)
                await asyncio.sleep(delay)
                # When the group has given the lane to another we are cancelled.
                while not await member.is_member():  # noqa: ASYNC110
                    await asyncio.sleep(_ASK_AGAIN_S)
        finally:
            self._commits_when_failed.pop(tp, None)
            for lane in lives:
                await lane.abandon()

    async def _one_life(self, tp: TopicPartition, member: GroupMember, lives: list[Lane]) -> None:
        """`lives` holds the lane of the life before, if any, and then that of this one."""
        fetcher = member.fetcher
        transactions, membership = self._transactions, self._membership
        assert transactions is not None
        assert membership is not None
        await fetcher.know(self._topics)
        known = fetcher.ids.get(tp.topic)
        if known is None:
            raise UnknownTopicOrPartitionError(tp.topic)
        writer = LaneWriter(self._group, tp, transactions, membership)
        try:
            position = await writer.position(member.admin, known.topic)
            first = await first_offset(member.consumer, tp)
            before = lives[0] if lives else None
            lane = self._open_lane(first, position, writer, before)
            if before is not None and lane is not before:
                await before.abandon()
            span = self._looks_back()
            if lane is not before and span is not None and position.next_offset is not None:
                from_there = await looked_back(member.consumer, tp, position.next_offset, span)
                lane.position = max(first, min(lane.position, from_there))
            if lane is not before:
                await put_lost_on_record(self._settings, self._group, writer, position, first)
            lives[:] = [lane]
            if tp in self._commits_when_failed:
                self._commits_when_failed[tp] = lane.commits
            fetcher.seek(tp, lane.position, writer.mark)
            async with asyncio.timeout(None) as self._reopen[tp]:
                self._lanes[tp], self._writers[tp] = lane, writer
                await lane.run()
        finally:
            self._reopen.pop(tp, None)
            self._lanes.pop(tp, None)
            self._writers.pop(tp, None)
            fetcher.forget(tp)


async def _within(seconds: float, works: Iterable[Coroutine[Any, Any, object]]) -> list[object]:
    """What each came to, its error where it failed or took longer."""
    limited = [asyncio.wait_for(work, seconds) for work in works]
    return await asyncio.gather(*limited, return_exceptions=True)
