"""Transactions of the first version, by aiokafka: each partition and group is announced beforehand."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError
from aiokafka.producer import sender
from aiokafka.structs import OffsetAndMetadata

from pointsman.bus.batches import BATCH_BYTES
from pointsman.bus.bundle import Made, unpacked
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.places import Place
from pointsman.bus.records import MAX_RECORD_BYTES, Outgoing
from pointsman.bus.settings import LanePart

# How long the client waits when the broker has not yet ended the lane's transaction before. It takes a
# millisecond or two after each commit, and one transaction in five comes that soon: 20 ms are too many.
sender.BACKOFF_OVERRIDE = 0.003

_REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError)


class AnnouncedTransactions:
    """See `Transactions`."""

    def __init__(self, producer: AIOKafkaProducer, group: str, lane: Place) -> None:
        self._producer = producer
        self._group = group
        self._lane = TopicPartition(*lane)

    @classmethod
    async def open(cls, settings: LanePart, name: str, group: str, lane: Place) -> "AnnouncedTransactions":
        """Take the transactional id `name`."""
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka,
            client_id=name,
            transactional_id=name,
            transaction_timeout_ms=settings.transaction_timeout_ms,
            request_timeout_ms=settings.request_timeout_ms,
            retry_backoff_ms=20,
            acks="all",
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return cls(producer, group, lane)

    async def partitions(self, topic: str) -> int:
        return len(await self._producer.partitions_for(topic))

    async def write(
        self, records: Mapping[Place, Sequence[Made]], next_offset: int, metadata: str, *, alone: bool = False
    ) -> None:
        await self._producer.begin_transaction()
        sent: list[tuple[list[Outgoing], asyncio.Future[Any]]] = []
        for place, batch in records.items():
            sent += await self._send(place, batch, most=1 if alone else None)
        # One after the other: while the coordinator notes down the group, it cannot tell the broker that the
        # records' partitions belong to the transaction, so these would be refused and sent again 20 ms later.
        answers = await asyncio.gather(*(each for _, each in sent), return_exceptions=True)
        refused = [
            batch for (batch, _), answer in zip(sent, answers, strict=True) if isinstance(answer, _REFUSED)
        ]
        if refused:  # which leaves a gap in the sequence numbers: the producer writes nothing more
            known = all(len(batch) == 1 for batch in refused)
            records_refused = [record for batch in refused for record in batch]
            said = f"too large for {records_refused[0].topic}"
            raise RecordsRefusedError(records_refused, said, known=known, spent=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        await self._producer.send_offsets_to_transaction(
            {self._lane: OffsetAndMetadata(next_offset, metadata)}, self._group
        )
        await self._producer.commit_transaction()

    async def close(self) -> None:
        await self._producer.stop()

    async def _send(
        self, place: Place, records: Sequence[Made], *, most: int | None
    ) -> list[tuple[list[Outgoing], "asyncio.Future[Any]"]]:
        """What went together, `most` records of it if that is given, and its answer to come."""
        topic, partition = place
        sent: list[tuple[list[Outgoing], asyncio.Future[Any]]] = []
        batch, held = self._producer.create_batch(), list[Outgoing]()
        for record in unpacked(records):
            if len(held) == most or not _append(batch, record):
                sent.append((held, await self._producer.send_batch(batch, topic, partition=partition)))
                batch, held = self._producer.create_batch(), []
                _append(batch, record)  # the first record of a batch always fits
            held.append(record)
        sent.append((held, await self._producer.send_batch(batch, topic, partition=partition)))
        return sent


def _append(batch: Any, record: Outgoing) -> bool:
    added = batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)
    return added is not None
