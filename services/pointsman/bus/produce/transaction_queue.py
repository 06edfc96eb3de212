"""Combines the concurrent writes of a process's lanes into one transaction (KIP-447).

A transaction costs the broker several requests and some milliseconds of processor time, whatever its size.
Writes that arrive while one is open wait for the next; after a small transaction there is a pause, so that
small ones take at most a third of the time. If a group's offsets are refused, each group's writes are sent
separately. After any other failure each write is sent alone once, so that a lane whose writes always fail
does not block the others.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    KafkaConnectionError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from pointsman.bus.codec.encoded_batch import EncodedBatch, Made
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.partition import Partition
from pointsman.bus.produce.transactions import Transactions
from pointsman.bus.protocol.transaction_requests import Membership, Offset

#: Target size of one transaction, in bytes of values; one lane's write is never split.
_TRANSACTION_BYTES = 4 * 1024 * 1024
#: Errors by which a group refuses its member's offsets; other groups' writes are not concerned.
_REFUSED_BY_A_GROUP = (
    GroupAuthorizationFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
#: After a transaction of fewer than `_SMALL` records the queue rests for `_REST` times its duration, at most
#: `_REST_MOST_S`.
_SMALL, _REST, _REST_MOST_S = 32, 2.0, 0.02
#: Rests add up, and the first `_BURST_S` are skipped: a lone transaction is followed at once, a series of
#: small ones is slowed down.
_BURST_S = 0.02


@dataclass(slots=True, eq=False)
class _Write:
    """One lane's write. `given_up`: its lane was abandoned meanwhile."""

    membership: Membership
    offset: Offset
    records: Mapping[Partition, Sequence[Made]]
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    error: BaseException | None = None
    given_up: bool = False

    @property
    def size(self) -> int:
        """The bytes of its values."""
        return sum(_size(record) for records in self.records.values() for record in records)

    @property
    def count(self) -> int:
        """The number of its records."""
        return sum(_count(record) for records in self.records.values() for record in records)

    def end(self, error: BaseException | None = None) -> None:
        """Report the result: `error` None if it was written."""
        self.error = error
        self.ended.set()


class TransactionQueue:
    """Writes all waiting writes in one transaction, until closed; needs a running event loop."""

    def __init__(self, transactions: Transactions) -> None:
        self.transactions = transactions
        #: Whether the result of the last transaction is known.
        self._is_result_known = True
        #: How many of the next transactions have a single write, because some failed together.
        self._to_write_alone = 0
        self._waiting: list[_Write] = []
        self._some_wait = asyncio.Event()
        self._rests_until = 0.0
        self._under_way: list[_Write] = []
        self._task = asyncio.create_task(self._run(), name="transactions")

    async def write(
        self, membership: Membership, offset: Offset, records: Mapping[Partition, Sequence[Made]]
    ) -> None:
        """Write `records` and a lane's offset, in one transaction with other lanes' writes.

        Raises:
            RecordsRefusedError, TopicsClosedError: nothing of it was written.
            KafkaError, OSError: it is unknown whether it was written.
        """
        write = _Write(membership, offset, records)
        self._waiting.append(write)
        self._some_wait.set()
        try:
            await write.ended.wait()
        except asyncio.CancelledError:
            write.given_up = True
            raise
        if write.error is not None:
            raise write.error

    async def wait_for_writes_of(self, lane: Partition) -> None:
        """Return when no write in flight would move the lane's position.

        An abandoned lane may have a write in flight, which the broker cannot tell from a write of its
        successor in the same generation.
        """
        for write in list(self._under_way):
            if write.offset.place == lane:
                await write.ended.wait()

    async def close(self) -> None:
        """Discard what is not written, and close."""
        self._task.cancel()
        await asyncio.wait([self._task])
        for write in self._waiting:
            write.end(KafkaConnectionError("closed"))
        await self.transactions.close()

    async def _run(self) -> None:
        while True:
            await self._some_wait.wait()
            await asyncio.sleep(self._rests_until - _BURST_S - time.monotonic())
            self._under_way = self._next_ones()
            began = time.monotonic()
            try:
                await self._write_each(self._under_way)
                if sum(write.count for write in self._under_way) < _SMALL:
                    took = time.monotonic() - began
                    self._rests_until = max(self._rests_until, began) + took + min(took * _REST, _REST_MOST_S)
            finally:
                for write in self._under_way:
                    if not write.ended.is_set():
                        write.end(KafkaConnectionError("closed"))
                self._under_way = []

    def _next_ones(self) -> list[_Write]:
        """Return the first writes that fit one transaction: one membership per group, limited size."""
        waiting = [write for write in self._waiting if not write.given_up]
        together: list[_Write] = []
        memberships: dict[str, Membership] = {}
        size = 0
        for write in waiting:
            size += write.size
            membership = memberships.setdefault(write.membership.group, write.membership)
            is_other = write.membership != membership
            if together and (self._to_write_alone or is_other or size > _TRANSACTION_BYTES):
                break
            together.append(write)
        self._to_write_alone -= bool(self._to_write_alone)
        self._waiting = waiting[len(together) :]
        if not self._waiting:
            self._some_wait.clear()
        return together

    async def _write_each(self, writes: Sequence[_Write]) -> None:
        """Write all together.

        If something is refused, write in parts, so that only its lane or group fails.
        """
        if not writes:
            return
        try:
            await self._write_together(writes)
        except RecordsRefusedError as error:
            if len(writes) == 1:
                writes[0].end(error)
            else:
                for write in writes:
                    await self._write_each([write])
        except Exception as error:
            # An unfinished transaction blocks its topics' readers, so abort it. If that fails, it is aborted
            # before the next transaction, or by the broker after its timeout.
            with contextlib.suppress(KafkaError, OSError):
                await self.transactions.begin_anew()
                self._is_result_known = True
            parts = _by_group(writes)
            if self._is_result_known and isinstance(error, _REFUSED_BY_A_GROUP) and len(parts) > 1:
                for part in parts:
                    await self._write_each(part)
                return
            self._to_write_alone += len(writes) - 1
            for write in writes:
                write.end(error)
        else:
            for write in writes:
                write.end()

    async def _write_together(self, writes: Sequence[_Write]) -> None:
        if not self._is_result_known:
            await self.transactions.begin_anew()
        self._is_result_known = False
        records: dict[Partition, list[Made]] = {}
        for write in writes:
            for place, some in write.records.items():
                records.setdefault(place, []).extend(some)
        positions: dict[Membership, list[Offset]] = {}
        for write in writes:
            positions.setdefault(write.membership, []).append(write.offset)
        try:
            await self.transactions.write(positions, records)
        except RecordsRefusedError:
            self._is_result_known = True
            raise
        self._is_result_known = True


def _by_group(writes: Iterable[_Write]) -> list[list[_Write]]:
    parts: dict[str, list[_Write]] = {}
    for write in writes:
        parts.setdefault(write.membership.group, []).append(write)
    return list(parts.values())


def _count(record: Made) -> int:
    return record.count if isinstance(record, EncodedBatch) else 1


def _size(record: Made) -> int:
    return len(record.content if isinstance(record, EncodedBatch) else record.value or b"")
