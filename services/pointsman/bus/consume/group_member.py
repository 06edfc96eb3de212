"""A member of a consumer group: connects, heartbeats, and receives its partition assignment.

aiokafka's consumer handles the membership, with all its partitions paused: the fetcher reads them.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

from pointsman.bus import connection
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.consume.watchdog import StalledError, Watchdog
from pointsman.bus.errors import KafkaUnavailableError, line_of
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import ask_servers
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

_NEVER_MS = 24 * 3600 * 1000
_GROUP_MS = 1_000
#: The client looks so often whether there is something to fetch, which there never is.
_FETCHES_MS = 5_000
_RECONNECT_S = 1.0
_CLOSE_S = 10.0
_STABLE = "Stable"

#: Told which partitions are ours, and no others; the group is settled when it returns.
Assigned = Callable[[set[TopicPartition]], Awaitable[None]]


async def keep_connected(stopping: asyncio.Event, connected: Callable[[], Awaitable[None]]) -> None:
    """Run `connected` until `stopping`; a broken connection is replaced by a new one."""
    while not stopping.is_set():
        try:
            await connected()
        except (KafkaUnavailableError, KafkaError, OSError, StalledError) as error:
            event(log, logging.WARNING, Event.CONNECTION_LOST, error=line_of(error))
            await wait_at_most(_RECONNECT_S, stopping)


@contextlib.asynccontextmanager
async def group_member(
    settings: LanePart, group: str, gather_bytes: int = 1, *, aligned: bool = False
) -> AsyncIterator["GroupMember"]:
    """One that has yet to join, and leaves the group at the end; `aligned`: see `consumer_of`.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    timeout_ms = settings.request_timeout_ms
    await ask_servers(settings, timeout_ms / 1000)
    consumer = consumer_of(settings, group, aligned=aligned)
    admin = connection.admin(settings, request_timeout_ms=timeout_ms)
    fetcher = Fetcher(settings, group, gather_bytes, request_timeout_ms=timeout_ms, skips=False)
    member = GroupMember(group, consumer, fetcher, admin, settings.stall_timeout_ms / 1000)
    try:
        yield member
    finally:
        await member.leave()


@dataclass(slots=True)
class GroupMember:
    """`settled`: set once the assignment is known and the lanes have been adjusted to it.

    `stall_s`: for how long a partition may stand still.
    """

    group: str
    consumer: AIOKafkaConsumer
    fetcher: Fetcher
    admin: AIOKafkaAdminClient
    stall_s: float
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    _watching: asyncio.Task[None] | None = None
    _turn: int = 0

    async def join(
        self,
        assigned: Assigned,
        *,
        topics: Collection[str] = (),
        pattern: str | None = None,
        waits: bool = True,
    ) -> None:
        """Return when the group has given us partitions, perhaps none, of these topics.

        Or, unless it `waits`, once we have asked for them: the group may wait for a member that is gone.

        Raises:
            KafkaError, OSError
        """
        await self.admin.start()
        await self.fetcher.start()
        if topics:
            await self.fetcher.know(topics)
        if not waits:
            await self.consumer.start()
        self.consumer.subscribe(topics, pattern, _Listener(self, assigned))
        if waits:
            await self.consumer.start()
        self._watching = asyncio.create_task(self._watch())

    async def leave(self) -> None:
        """Close what is connected; what does not close in time is left."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        stopping = asyncio.ensure_future(self.consumer.stop())
        if not self.settled.is_set():
            await self._stop_joining()
        works = (self.fetcher.close(), self.admin.close())
        closing = [stopping, *(asyncio.ensure_future(work) for work in works)]
        await asyncio.wait(closing, timeout=_CLOSE_S)

    async def _stop_joining(self) -> None:
        """Leave while the group waits for others: the consumer's own connection has no answers by then."""
        coordinator = self.consumer._coordinator
        if coordinator is None or coordinator.coordinator_id is None or not coordinator.member_id:
            return
        leave = LeaveGroupRequest(self.group, coordinator.member_id)
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.admin._client.send(coordinator.coordinator_id, leave)

    def turns(self, stopping: asyncio.Event) -> Iterator[Watchdog]:
        """Turns of a loop until `stopping`; whoever reads shows the watchdog in each how far it is.

        Raises:
            KafkaError: the group refuses for good.
        """
        watchdog = Watchdog(self.fetcher, self.stall_s)
        while not stopping.is_set():
            if self._watching is not None and self._watching.done():
                self._watching.result()
            yield watchdog

    async def gather(self, wanted: Sequence[TopicPartition], within_s: float) -> list[TopicPartition]:
        """As the fetcher's; another partition is the first each time. The order in which they are now."""
        self._turn = (self._turn + 1) % max(1, len(wanted))
        ordered = [*wanted[self._turn :], *wanted[: self._turn]]
        await self.fetcher.gather(ordered, within_s)
        return ordered

    @property
    def membership(self) -> Membership:
        """As the group gave it with the partitions that it gave out last; who has yet to join has none."""
        coordinator = self.consumer._coordinator  # the client's public face does not say who it is
        assert coordinator is not None
        return Membership(self.group, coordinator.member_id, coordinator.generation)

    async def is_member(self) -> bool:
        """Whether the group is settled and we take part; False too where the brokers do not say.

        A member of a settled group has joined its present round, so it knows its partitions.
        """
        coordinator = self.consumer._coordinator
        if coordinator is None:
            return False  # not started
        try:
            (answer,) = await self.admin.describe_consumer_groups([self.group])
        except (KafkaError, OSError, KeyError):  # the last one: see `Fetcher`
            return False
        ((error, _, state, _, _, members, *_),) = answer.groups
        return not error and state == _STABLE and any(id == coordinator.member_id for id, *_ in members)

    async def _watch(self) -> None:
        """Keep asking the consumer: what the group refuses, it tells nobody else."""
        while True:
            await self.consumer.getmany(timeout_ms=_GROUP_MS)


async def wait_at_most(seconds: float, happened: asyncio.Event) -> None:
    """Return when it has, or after so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(happened.wait(), seconds)


def consumer_of(settings: LanePart, group: str, *, aligned: bool = False) -> AIOKafkaConsumer:
    """A consumer that keeps us in a group; it commits nothing by itself.

    `aligned`: of topics with as many partitions, those with the same number go to the same member.
    """
    return connection.consumer(
        settings,
        group_id=group,
        client_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=min(3_000, settings.session_timeout_ms // 4),
        rebalance_timeout_ms=max(10_000, settings.session_timeout_ms),
        # Whether there is progress is for our own watchdog.
        max_poll_interval_ms=_NEVER_MS,
        partition_assignment_strategy=(RangePartitionAssignor if aligned else StickyPartitionAssignor,),
        metadata_max_age_ms=5_000,
        consumer_timeout_ms=_FETCHES_MS,
        retry_backoff_ms=50,
        request_timeout_ms=settings.request_timeout_ms,
    )


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, member: GroupMember, assigned: Assigned) -> None:
        self._member = member
        self._assigned = assigned

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._member.settled.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._member.consumer.pause(*assigned)
        await self._assigned(set(assigned))
        self._member.settled.set()
