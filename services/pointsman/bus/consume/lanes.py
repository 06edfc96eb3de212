"""The host of lanes: one member of a group, one lane for each partition it is given.

The client's consumer keeps us in the group, and all its partitions are paused: the fetcher reads them.

Invariants:
- A full lane is not asked for; those that have room never wait for it.
- A lane is opened only after its predecessor is fenced, and fed only from the position read after that.
- When the group changes hands, lanes go on until the new owners are known; the fence keeps that safe. Those
  that stay go on then too, unless another had them meanwhile; those that go commit what is finished first.
- A lane that failed is opened again only by who is in the group: a process that was frozen and wakes must not
  fence those who have taken over.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from pointsman.bus import connection
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.lost import put_lost_on_record
from pointsman.bus.consume.membership import is_member
from pointsman.bus.consume.poll import StalledError, Watchdog, consumer_of, first_offset, watch_group
from pointsman.bus.errors import KafkaUnavailableError, line_of
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import reach_once
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import LANE_AGE, LANE_LAG

log = logging.getLogger(__name__)

#: Makes a lane: the first offset that its partition still has, where to go on, its writer, and the lane that
#: failed here before it, if any, which may go on in its place.
OpenLane = Callable[[int, Position, LaneWriter, Lane | None], Lane]

#: How long the host waits for records, and how soon it looks again where a lane is full, seconds.
_POLL_S, _FULL_POLL_S = 0.2, 0.02
_MEASURE_S = 2
_CLOSE_S = 10
#: When the group changes hands: for the last commit of a lane, and to see whether it is still as it was.
_TURN_OVER_S = 1
_ASK_AGAIN_S = 0.1
#: Until a lane that failed is opened anew; twice as long each time that it got no further.
_REOPEN_S, _REOPEN_MOST_S = 0.1, 5.0


class Lanes:
    """Runs the lanes of one consumer group on one topic until told to stop."""

    def __init__(self, settings: LanePart, group: str, topic: str, open_lane: OpenLane) -> None:
        self._settings = settings
        self._group = group
        self._topic = topic
        self._open_lane = open_lane
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._lanes: dict[TopicPartition, Lane] = {}
        self._writers: dict[TopicPartition, LaneWriter] = {}
        self._reopen: dict[TopicPartition, asyncio.Timeout] = {}
        self._stopping = asyncio.Event()
        self._assigned = False
        self._settled = asyncio.Event()
        self._consumer: AIOKafkaConsumer | None = None
        self._fetcher: Fetcher | None = None
        self._admin: AIOKafkaAdminClient | None = None

    @property
    def ready(self) -> bool:
        """Whether the group has given us partitions (perhaps none) and every lane of ours is open."""
        return self._assigned and self._tasks.keys() == self._lanes.keys()

    def stop(self) -> None:
        """Finish what is under way and return from `run`."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped; a broken connection is replaced by a new one."""
        while not self._stopping.is_set():
            try:
                await self._connected()
            except (KafkaUnavailableError, KafkaError, OSError, StalledError) as error:
                event(log, logging.WARNING, Event.CONNECTION_LOST, error=line_of(error))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), 1)

    async def _connected(self) -> None:
        self._assigned = False
        await reach_once(self._settings, self._settings.request_timeout_ms / 1000)
        admin = connection.admin(self._settings, request_timeout_ms=self._settings.request_timeout_ms)
        consumer = consumer_of(self._settings, self._group)
        consumer.subscribe([self._topic], listener=_Listener(self))
        fetcher = Fetcher(
            self._settings,
            self._group,
            partial(first_offset, consumer),
            request_timeout_ms=self._settings.request_timeout_ms,
            skips=False,
        )
        self._admin, self._consumer, self._fetcher = admin, consumer, fetcher
        try:
            await admin.start()
            await fetcher.start()
            await fetcher.know([self._topic])
            await consumer.start()
            await self._poll(consumer, fetcher)
            await self._finish()
        finally:
            await self._let_go(list(self._tasks))
            self._assigned, self._consumer, self._fetcher = False, None, None
            closing = [
                asyncio.create_task(each) for each in (consumer.stop(), fetcher.close(), admin.close())
            ]
            await asyncio.wait(closing, timeout=_CLOSE_S)

    async def _poll(self, consumer: AIOKafkaConsumer, fetcher: Fetcher) -> None:
        watchdog = Watchdog(consumer, self._settings.stall_timeout_ms / 1000, fetcher.position)
        group = asyncio.create_task(watch_group(consumer))
        turn, next_measure = 0, 0.0
        try:
            while not self._stopping.is_set():
                if group.done():
                    group.result()
                if not self._settled.is_set():
                    await _at_most(_POLL_S, self._settled.wait())
                    continue
                hungry = [tp for tp, lane in self._lanes.items() if lane.has_room]
                full = len(hungry) < len(self._tasks)
                turn = (turn + 1) % max(1, len(hungry))
                await fetcher.gather(hungry[turn:] + hungry[:turn], _FULL_POLL_S if full else _POLL_S)
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
        finally:
            group.cancel()
            await asyncio.wait([group])

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
        for each in late:
            each.cancel()
        if late:
            event(log, logging.WARNING, Event.COMMITS_ABANDONED, lanes=len(late))
        for each in done:
            each.result()

    # --- called by the group's listener

    def unsettled(self) -> None:
        """The group changes hands: lanes go on with what they have, and are brought no more."""
        self._settled.clear()

    async def assigned(self, owned: set[TopicPartition]) -> None:
        """Abandon the lanes that are gone, go on with those that stay, open the new ones."""
        fetcher = self._fetcher
        assert self._consumer is not None
        assert fetcher is not None
        self._consumer.pause(*owned)
        gone = [tp for tp in self._tasks if tp not in owned]
        await self._hand_over(gone)
        await self._let_go(gone)
        await self._let_go(await self._moved_on())
        if self._fetcher is not fetcher:
            return  # the connection ended meanwhile: a lane that is opened now would be nobody's
        for tp, lane in self._lanes.items():
            fetcher.seek(tp, lane.position, self._writers[tp].mark)
            lane.resume()
        for tp in owned - self._tasks.keys():
            self._tasks[tp] = asyncio.create_task(self._keep_open(tp), name=f"{tp.topic}-{tp.partition}")
        self._assigned = True
        self._settled.set()
        event(
            log,
            logging.INFO,
            Event.PARTITIONS_ASSIGNED,
            group=self._group,
            partitions=sorted(tp.partition for tp in owned),
        )

    async def _hand_over(self, gone: list[TopicPartition]) -> None:
        """What is finished must not be done again; whoever is fenced already is too late."""
        done = await _within(_TURN_OVER_S, [self._lanes[tp].hand_over() for tp in gone if tp in self._lanes])
        if errors := [repr(each) for each in done if isinstance(each, Exception)]:
            event(log, logging.WARNING, Event.HANDOVER_FAILED, errors=errors)

    async def _moved_on(self) -> list[TopicPartition]:
        """Lanes that are ours again but not as we left them, or that nobody can tell of; the others pause."""
        writers = dict(self._writers)
        ours = await _within(_TURN_OVER_S, [self._ours(self._lanes[tp], writers[tp]) for tp in writers])
        changed = [tp for tp, each in zip(writers, ours, strict=True) if each is not True]
        if changed:
            partitions = sorted(tp.partition for tp in changed)
            event(log, logging.WARNING, Event.OWNERSHIP_LOST, partitions=partitions)
        return changed

    async def _ours(self, lane: Lane, writer: LaneWriter) -> bool:
        assert self._admin is not None
        await lane.pause()  # else its position might move while we ask
        return await writer.is_last(self._admin, within=_TURN_OVER_S)

    async def _let_go(self, gone: list[TopicPartition]) -> None:
        tasks = [self._tasks.pop(tp) for tp in gone]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _keep_open(self, tp: TopicPartition) -> None:
        delay, committed = _REOPEN_S / 2, 0
        lives: list[Lane] = []
        try:
            while True:
                try:
                    await self._one_life(tp, lives)
                except asyncio.CancelledError:
                    raise
                except Exception as error:  # whatever broke, the lane goes on from its committed position
                    event(
                        log,
                        logging.WARNING,
                        Event.LANE_FAILED,
                        topic=tp.topic,
                        partition=tp.partition,
                        error=line_of(error),
                        cause=repr(error.__cause__),
                    )
                committed, before = sum(lane.commits for lane in lives), committed
                delay = _REOPEN_S if committed != before else min(delay * 2, _REOPEN_MOST_S)
                await asyncio.sleep(delay)
                await self._still_member()
        finally:
            for lane in lives:
                await lane.abandon()

    async def _still_member(self) -> None:
        """Return when the group counts us in; when it has given the lane to another we are cancelled."""
        assert self._admin is not None
        assert self._consumer is not None
        while not await is_member(self._admin, self._consumer, self._group):  # noqa: ASYNC110
            await asyncio.sleep(_ASK_AGAIN_S)

    async def _one_life(self, tp: TopicPartition, lives: list[Lane]) -> None:
        """`lives` holds the lane of the life before, if any, and then that of this one."""
        consumer, fetcher, admin = self._consumer, self._fetcher, self._admin
        assert consumer is not None
        assert fetcher is not None
        assert admin is not None
        await fetcher.know([self._topic])
        known = fetcher.ids.get(self._topic)
        if known is None:  # before a writer is opened, which would fence for nothing
            raise UnknownTopicOrPartitionError(self._topic)
        writer = await LaneWriter.open(self._settings, self._group, tp)
        try:
            position = await writer.position(admin, known.topic)
            first = await first_offset(consumer, tp)
            before = lives[0] if lives else None
            lane = self._open_lane(first, position, writer, before)
            if before is not None and lane is not before:
                await before.abandon()
            if lane is not before:
                await put_lost_on_record(self._settings, self._group, writer, position, first)
            lives[:] = [lane]
            fetcher.seek(tp, lane.position, writer.mark)
            async with asyncio.timeout(None) as self._reopen[tp]:
                self._lanes[tp], self._writers[tp] = lane, writer
                await lane.run()
        finally:
            self._reopen.pop(tp, None)
            self._lanes.pop(tp, None)
            self._writers.pop(tp, None)
            fetcher.forget(tp)
            closing: Awaitable[None] = writer.close()
            await asyncio.wait([asyncio.ensure_future(closing)], timeout=5)


async def _at_most(seconds: float, waiting: Awaitable[object]) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(waiting, seconds)


async def _within(seconds: float, works: Iterable[Coroutine[Any, Any, object]]) -> list[object]:
    """What each came to, its error where it failed or took longer."""
    limited = [asyncio.wait_for(each, seconds) for each in works]
    return await asyncio.gather(*limited, return_exceptions=True)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """What lanes finish until it is known who has them is committed."""
        self._lanes.unsettled()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        await self._lanes.assigned(set(assigned))
