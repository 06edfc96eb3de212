"""Publishes records outside of a lane; each is confirmed, refused or uncertain.

Invariants:
- After a refusal the producer is replaced: the refused batch leaves a gap in the sequence numbers, for which
  the broker would refuse every later batch of that partition.
- A record not acknowledged in time is uncertain, not lost: the producer retries until it is closed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import (
    KafkaUnavailableError,
    PublishRefusedError,
    PublishUncertainError,
    TopicMissingError,
)
from pointsman.bus.produce.producers import CLOSE_S, close_producer, start_producer
from pointsman.bus.tcp_check import PATIENCE_S
from pointsman.runtime.settings import KafkaPart

#: Target size of a batch before compression, in bytes.
_BATCH_BYTES = 256 * 1024
#: Time limit for one publish, in seconds.
_PUBLISH_S = 30.0
#: How long a new topic may take to be known to all brokers, in seconds.
_TOPIC_S = 3.0

#: Errors that a retry does not change, their reason, and what to do.
_REFUSED: dict[type[KafkaError], tuple[str, str]] = {
    MessageSizeTooLargeError: (
        "too large",
        "send less, or keep large values in a store: docs/claim-check.md",
    ),
    TopicAuthorizationFailedError: (
        "this login may not write there",
        "log in as somebody who may, see docs/security.md; what each may: pointsman access plan",
    ),
    UnknownTopicOrPartitionError: ("there is no such topic", "make it: pointsman topics apply"),
}


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """Where a record is stored. `offset`: None if the broker recognised a duplicate without its offset."""

    topic: str
    partition: int
    offset: int | None


class Publisher:
    """An idempotent producer with acks=all: an async context manager."""

    def __init__(self, settings: KafkaPart, *, patience: float = PATIENCE_S) -> None:
        """`patience`: the longest wait for a broker at the start, in seconds."""
        self._settings = settings
        self._patience = patience
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._producer is not None:
            self._retire(self._producer)
        if self._retiring:
            await _to_its_end(*self._retiring)

    async def publish(
        self, records: Sequence[Outgoing], *, within: float = _PUBLISH_S
    ) -> list[RecordPosition]:
        """Send `records`; returns where each is stored, in their order, once all are acknowledged.

        Raises:
            KafkaUnavailableError, TopicMissingError: nothing was sent.
            PublishRefusedError: some records were refused, e.g. as too large; the others are in Kafka.
            PublishUncertainError: some records were not acknowledged within `within` seconds.
        """
        producer = await self._started()
        await self._find_topics(producer, {record.topic for record in records})
        answers: list[asyncio.Future[Any]] = []
        late = False
        try:
            async with asyncio.timeout(within):
                for record in records:
                    answers.append(await _send(producer, record))  # noqa: PERF401  # known so far on a timeout
                if answers:
                    await asyncio.wait(answers)
        except TimeoutError:
            late = True
        if not late and not any(answer.exception() for answer in answers):
            return [_position(answer.result()) for answer in answers]
        raise self._explain(producer, answers, len(records), within)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = await start_producer(
                    self._settings,
                    self._patience,
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=_BATCH_BYTES,
                )
            return self._producer

    async def _find_topics(self, producer: AIOKafkaProducer, topics: set[str]) -> None:
        # Checked first: for a missing topic `send` would use its full timeout and log a warning every 100 ms.
        cluster = producer.client.cluster
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _TOPIC_S
        while missing := {topic for topic in topics if not cluster.partitions_for_topic(topic)}:
            if loop.time() > give_up:
                raise TopicMissingError(missing, self._settings.kafka_username)
            try:
                cluster = await producer.client.fetch_all_metadata()
            except KafkaError as error:
                raise KafkaUnavailableError(self._settings.kafka, _TOPIC_S, str(error)) from error
            await asyncio.sleep(0 if all(map(cluster.partitions_for_topic, missing)) else 0.1)

    def _retire(self, producer: AIOKafkaProducer) -> None:
        if producer is self._producer:
            self._producer = None
            closing = asyncio.create_task(close_producer(producer))
            self._retiring.add(closing)
            closing.add_done_callback(self._retiring.discard)

    def _explain(
        self,
        producer: AIOKafkaProducer,
        answers: Sequence["asyncio.Future[Any]"],
        total: int,
        limit: float,
    ) -> PublishRefusedError | PublishUncertainError:
        errors = {
            index: error
            for index, answer in enumerate(answers)
            if answer.done() and (error := answer.exception()) is not None
        }
        if errors:
            self._retire(producer)
        refused = [error for error in errors.values() if isinstance(error, tuple(_REFUSED))]
        silent = [index for index, answer in enumerate(answers) if not answer.done()]
        silent += range(len(answers), total)
        if refused and len(refused) == len(errors) and not silent:
            why, hint = next(
                explanation for kind, explanation in _REFUSED.items() if isinstance(refused[0], kind)
            )
            problem = f"Kafka refused {len(errors)} of {total} records: {why} ({type(refused[0]).__name__})"
            return PublishRefusedError(problem, tuple(errors), hint)
        why = f"no answer from Kafka at {self._settings.kafka} within {limit:g} s"
        if errors:
            why = f"Kafka at {self._settings.kafka} said {[*refused, *errors.values()][0]!r}"
        indexes = tuple(sorted({*silent, *errors}))
        return PublishUncertainError(f"{len(indexes)} of {total} records not confirmed: {why}", indexes)


async def _send(producer: AIOKafkaProducer, record: Outgoing) -> "asyncio.Future[Any]":
    try:
        answer: asyncio.Future[Any] = await producer.send(
            record.topic, value=record.value, key=record.key, headers=record.headers
        )
    except KafkaError as error:
        answer = asyncio.get_running_loop().create_future()
        answer.set_exception(error)
    # Retrieve the exception, as nothing may be waiting for it any more.
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())
    return answer


def _position(metadata: Any) -> RecordPosition:
    return RecordPosition(
        metadata.topic, metadata.partition, metadata.offset if metadata.offset >= 0 else None
    )


async def _to_its_end(*tasks: "asyncio.Task[None]") -> None:
    """Wait for tasks, within a time limit, even if cancelled meanwhile."""
    ended = asyncio.ensure_future(asyncio.wait(tasks, timeout=3 * CLOSE_S))
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        await ended
        raise
