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
from pointsman.runtime.background import wait_at_most
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event

log = logging.getLogger(__name__)

_A_DAY_MS = 24 * 3600 * 1000
_GROUP_MS = 1_000
#: How often the client checks for something to fetch, in milliseconds; there never is.
_FETCHES_MS = 5_000
_RECONNECT_S = 1.0
_CLOSE_S = 10.0
_STABLE = "Stable"

#: Called after each rebalance with exactly our partitions; the group counts as settled when it returns.
Assigned = Callable[[set[TopicPartition]], Awaitable[None]]


async def keep_connected(stopping: asyncio.Event, connected: Callable[[], Awaitable[None]]) -> None:
    """Run `connected` until `stopping` is set; after a broken connection run it again."""
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
    """A member that has not joined yet; it leaves the group on exit. `aligned`: see `consumer_of`.

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

    `stall_s`: how long a partition may make no progress, in seconds.
    """

    group: str
    consumer: AIOKafkaConsumer
    fetcher: Fetcher
    admin: AIOKafkaAdminClient
    stall_s: float
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    _watching: asyncio.Task[None] | None = None
    _next_first: int = 0

    async def join(
        self,
        assigned: Assigned,
        *,
        topics: Collection[str] = (),
        pattern: str | None = None,
        waits: bool = True,
    ) -> None:
        """Return when the group has assigned partitions of these topics, perhaps none.

        Unless it `waits`, return once joining was requested: the group may wait for a dead member.

        Raises:
            KafkaError, OSError: the brokers do not answer, or refuse.
        """
        await self.admin.start()
        await self.fetcher.start()
        if topics:
            await self.fetcher.set_topics(topics)
        if not waits:
            await self.consumer.start()
        self.consumer.subscribe(topics, pattern, _Listener(self, assigned))
        if waits:
            await self.consumer.start()
        self._watching = asyncio.create_task(self._watch())

    async def leave(self) -> None:
        """Close all connections; those that do not close in time are abandoned."""
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
        """Leave over the admin connection: during a rebalance the consumer's own gets no response."""
        coordinator = self.consumer._coordinator
        if coordinator is None or coordinator.coordinator_id is None or not coordinator.member_id:
            return
        leave = LeaveGroupRequest(self.group, coordinator.member_id)
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.admin._client.send(coordinator.coordinator_id, leave)

    def polls(self, stopping: asyncio.Event) -> Iterator[Watchdog]:
        """Yield once for each poll until `stopping`; in each the caller shows the watchdog its positions.

        Raises:
            KafkaError: the group refuses this member permanently.
        """
        watchdog = Watchdog(self.fetcher, self.stall_s)
        while not stopping.is_set():
            if self._watching is not None and self._watching.done():
                self._watching.result()
            yield watchdog

    async def gather(self, partitions: Sequence[TopicPartition], within_s: float) -> list[TopicPartition]:
        """Fetch as `Fetcher.gather`, beginning with another partition each time; return the order used."""
        self._next_first = (self._next_first + 1) % max(1, len(partitions))
        ordered = [*partitions[self._next_first :], *partitions[: self._next_first]]
        await self.fetcher.gather(ordered, within_s)
        return ordered

    @property
    def membership(self) -> Membership:
        """The membership under which the present partitions were assigned; call it only after `join`."""
        coordinator = self.consumer._coordinator  # the client's public interface has no member id
        assert coordinator is not None
        return Membership(self.group, coordinator.member_id, coordinator.generation)

    async def is_member(self) -> bool:
        """Whether the group is stable and includes this member; False too if the brokers do not answer.

        A member of a stable group has joined its current generation, so its assignment is known.
        """
        coordinator = self.consumer._coordinator
        if coordinator is None:
            return False  # not started
        try:
            (answer,) = await self.admin.describe_consumer_groups([self.group])
        except (KafkaError, OSError):
            return False
        ((error, _, state, _, _, members, *_),) = answer.groups
        return not error and state == _STABLE and any(id == coordinator.member_id for id, *_ in members)

    async def _watch(self) -> None:
        """Poll the consumer: it reports the group's refusals only there."""
        while True:
            await self.consumer.getmany(timeout_ms=_GROUP_MS)


def consumer_of(settings: LanePart, group: str, *, aligned: bool = False) -> AIOKafkaConsumer:
    """Return a consumer that keeps this process in a group; it commits nothing by itself.

    `aligned`: of topics with equally many partitions, those with the same number go to the same member.
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
        # Progress is checked by our own watchdog.
        max_poll_interval_ms=_A_DAY_MS,
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
