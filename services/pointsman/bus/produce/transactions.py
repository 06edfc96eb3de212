"""Transactions (KIP-890, Kafka 4.0), one at a time, each in three requests: records, positions, commit.

Invariants:
- Each transaction has its own producer epoch, so a late record of an earlier one is refused.
- The coordinator issues the epoch, at the start and with every commit.
- Offsets are committed with the group member and generation under which their lanes were assigned. The broker
  refuses those of a past generation, and with them the transaction.
- A request with an unknown result is repeated unchanged. The broker recognises it: records by their sequence
  numbers, a commit by its epoch.
- If a record is refused, the transaction goes on until all such records are known; then it is aborted.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    DuplicateSequenceNumber,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NoError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.structs import TopicPartition

from pointsman.bus import connection
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.errors import BrokerTooOldError, RecordsRefusedError, TopicsClosedError
from pointsman.bus.partition import Partition
from pointsman.bus.produce.batches import Batches
from pointsman.bus.produce.transactional_ids import transactional_id
from pointsman.bus.protocol import transaction_requests as requests
from pointsman.bus.protocol.transaction_requests import Membership, Offset, Packed, Producer, Versions
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import ask_servers

#: Pauses between attempts, in seconds. The coordinator takes 1 or 2 ms to end the previous transaction.
_SOON_S, _PAUSE_S = 0.003, 0.05
#: Time after a commit's response until the coordinator has most likely completed it. Earlier records are not
#: refused, but the broker retries only after `add.partitions.to.txn.retry.backoff.ms`, by default 20.
_SETTLE_S = 0.002
#: The most bytes of batches per request; a broker accepts at most 100 MB.
_TOGETHER_BYTES = 32 * 1024 * 1024
#: Error codes for a batch's content. aiokafka does not know INVALID_RECORD.
_INVALID_RECORD = 87
_REFUSED = {MessageSizeTooLargeError.errno, RecordListTooLargeError.errno, _INVALID_RECORD}


class _RefusedError(KafkaError):  # type: ignore[misc]
    """The broker refused a batch because of its content."""


async def transaction_version(client: AIOKafkaClient) -> int:
    """Return the finalized level of `transaction.version`; 0 if the cluster does not report it."""
    try:
        versions: Versions = await client.send(client.get_random_node(), requests.versions())
    except IncompatibleBrokerVersion:
        return 0
    return versions.transactions


class Transactions:
    """Writes records, and the offsets of one member in each group, together or not at all.

    After an error of `write` the result is unknown: call `begin_anew` before the next write. Exceptions are
    RecordsRefusedError and TopicsClosedError, after which nothing was written.
    """

    def __init__(self, client: AIOKafkaClient, settings: LanePart, group: str) -> None:
        self._client = client
        self._request_timeout_ms = settings.request_timeout_ms
        self._timeout_ms = settings.transaction_timeout_ms
        self._name = transactional_id(group)
        self._producer = Producer(-1, -1)
        self._coordinators: dict[str, int] = {}
        self._settled_at = 0.0

    @classmethod
    async def open(cls, settings: LanePart, group: str) -> "Transactions":
        """Connect, and get ready for the first transaction.

        Raises:
            BrokerTooOldError: the cluster has no transactions of version 2.
        """
        client = connection.client(settings, client_id=group, request_timeout_ms=settings.request_timeout_ms)
        transactions = cls(client, settings, group)
        try:
            try:
                await connection.connect(client)
            except KafkaConnectionError:
                await ask_servers(settings, settings.request_timeout_ms / 1000)  # to raise the reason
                raise
            if await transaction_version(client) < 2:
                raise BrokerTooOldError(settings.kafka)
            await transactions.begin_anew()
        except BaseException:
            await client.close()
            raise
        return transactions

    async def partitions(self, topic: str) -> int:
        """Return the number of the topic's partitions."""
        patience = self._patience()
        await self._client.add_topic(topic)
        while not (partitions := self._client.cluster.partitions_for_topic(topic)):
            await patience.pause(UnknownTopicOrPartitionError(topic))
            await self._client.force_metadata_update()
        return len(partitions)

    async def is_there(self, topic: str) -> bool:
        """Whether the topic exists and is visible to this user; asks the brokers if it is not known."""
        await self._client.add_topic(topic)
        if not self._client.cluster.partitions_for_topic(topic):
            await self._client.force_metadata_update()
        return bool(self._client.cluster.partitions_for_topic(topic))

    async def begin_anew(self) -> None:
        """Get a new epoch. An unfinished transaction is aborted, or completed as was requested."""
        await self._next_epoch(requests.init_producer(self._name, self._timeout_ms))

    async def write(
        self, positions: Mapping[Membership, Sequence[Offset]], records: Mapping[Partition, Sequence[Made]]
    ) -> None:
        """Write one transaction: `records` to their partitions, and the offsets of each member's lanes."""
        producer = self._producer
        await asyncio.sleep(self._settled_at - time.monotonic())
        unwritten = {place: Batches(some, producer.id, producer.epoch) for place, some in records.items()}
        if self._is_in_order(unwritten, positions):
            await _all(self._produce(unwritten), *self._commits(producer, positions))
        else:
            await self._produce(unwritten)
            if not any(batches.refused for batches in unwritten.values()):
                for commit in self._commits(producer, positions):
                    await commit
        refused = [record for batches in unwritten.values() for record in batches.refused]
        await self._next_epoch(requests.end(self._name, producer, commit=not refused))
        self._settled_at = time.monotonic() + _SETTLE_S
        if refused:
            topics = ", ".join(sorted({record.topic for record in refused}))
            raise RecordsRefusedError(refused, f"too large for its topic, or no valid record: {topics}")

    async def close(self) -> None:
        """Close; the broker aborts an open transaction after its timeout."""
        await self._client.close()

    def _is_in_order(self, places: Iterable[Partition], memberships: Iterable[Membership]) -> bool:
        """Whether one broker gets records and offsets over one connection, and so one after the other.

        Otherwise they could meet at the transaction's coordinator, which would refuse the second.
        """
        brokers = {self._client.cluster.leader_for_partition(TopicPartition(*place)) for place in places}
        brokers |= {self._coordinators.get(membership.group) for membership in memberships}
        return len(brokers) == 1 and None not in brokers

    async def _produce(self, unwritten: Mapping[Partition, Batches]) -> None:
        """Send a batch for each partition to its leader, until all are written or refused."""
        patience = self._patience()
        while portion := _portion(unwritten):
            requests = [self._ask_leader(*asked_of) for asked_of in self._by_leader(portion).items()]
            answers = await asyncio.gather(*requests)
            outcomes = {place: error for answer in answers for place, error in answer.items()}
            for place, error in outcomes.items():
                if error is None:
                    unwritten[place].written()
                elif isinstance(error, _RefusedError):
                    unwritten[place].refuse()
            if errors := [
                error for error in outcomes.values() if error and not isinstance(error, _RefusedError)
            ]:
                if closed := [error for error in errors if isinstance(error, TopicAuthorizationFailedError)]:
                    raise TopicsClosedError(error.args[0] for error in closed)
                await patience.pause(*errors)
                await self._client.force_metadata_update()
            else:
                patience = self._patience()

    def _by_leader(self, portion: Mapping[Partition, bytes]) -> dict[int | None, dict[Partition, bytes]]:
        leaders: dict[int | None, dict[Partition, bytes]] = {}
        for place, batch in portion.items():
            leader = self._client.cluster.leader_for_partition(TopicPartition(*place))
            leaders.setdefault(leader, {})[place] = batch
        return leaders

    async def _ask_leader(
        self, leader: int | None, portion: Mapping[Partition, bytes]
    ) -> dict[Partition, KafkaError | None]:
        """Send batches to a leader; return the error of each partition, None if it was written."""
        if leader in (None, -1):
            return dict.fromkeys(portion, LeaderNotAvailableError(str(list(portion))))
        try:
            codes = await self._client.send(
                leader, requests.produce(self._name, self._request_timeout_ms, portion)
            )
        except KafkaError as error:
            return dict.fromkeys(portion, error)
        return {
            place: _RefusedError(*place) if codes[place] in _REFUSED else _error(codes[place], *place)
            for place in portion
        }

    def _commits(
        self, producer: Producer, positions: Mapping[Membership, Sequence[Offset]]
    ) -> list[Awaitable[None]]:
        return [self._commit_offsets(producer, *of_one) for of_one in positions.items()]

    async def _commit_offsets(
        self, producer: Producer, membership: Membership, offsets: Sequence[Offset]
    ) -> None:
        request = requests.commit_offsets(self._name, producer, membership, offsets)
        await self._ask_coordinator(
            CoordinationType.GROUP,
            membership.group,
            request,
            lambda codes: next(filter(None, codes.values()), 0),
        )

    async def _next_epoch(self, request: Packed) -> None:
        _, self._producer = await self._ask_coordinator(
            CoordinationType.TRANSACTION, self._name, request, lambda answer: answer[0]
        )

    async def _ask_coordinator(self, kind: int, key: str, request: Packed, code: Callable[[Any], int]) -> Any:
        patience = self._patience()
        while True:
            error: KafkaError | None
            try:
                if key not in self._coordinators:
                    self._coordinators[key] = await self._client.coordinator_lookup(kind, key)
                answer = await self._client.send(self._coordinators[key], request)
                error = _error(code(answer), key)
            except KafkaError as caught:
                error = caught
            if error is None:
                return answer
            if not isinstance(error, ConcurrentTransactions):
                self._coordinators.pop(key, None)
            await patience.pause(error)

    def _patience(self) -> "_Patience":
        return _Patience(self._request_timeout_ms / 1000)


async def _all(*requests: Awaitable[None]) -> None:
    """Wait for all requests. Raises: the first error, in their order."""
    for outcome in await asyncio.gather(*requests, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _portion(unwritten: Mapping[Partition, Batches]) -> dict[Partition, bytes]:
    """Return the next batches, one per partition, within the size limit but at least one."""
    portion: dict[Partition, bytes] = {}
    size = 0
    for place, batches in unwritten.items():
        if batches.batch is not None:
            size += len(batches.batch)
            if portion and size > _TOGETHER_BYTES:
                break
            portion[place] = batches.batch
    return portion


class _Patience:
    """Waits before the next attempt; raises permanent errors at once, any other after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    async def pause(self, *errors: KafkaError) -> None:
        late = time.monotonic() > self._until
        for error in errors:
            if late or not (error.retriable or isinstance(error, ConcurrentTransactions)):
                raise error
        soon = all(isinstance(error, ConcurrentTransactions) for error in errors)
        await asyncio.sleep(_SOON_S if soon else _PAUSE_S)


def _error(code: int, *detail: object) -> KafkaError | None:
    kind = for_code(code)
    return None if kind in (NoError, DuplicateSequenceNumber) else kind(*detail)
