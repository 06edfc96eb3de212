"""A publisher never reports a record as written if the answer was missing or an error."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownTopicOrPartitionError,
)

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import PublishRefusedError, PublishUncertainError
from pointsman.bus.produce.publisher import Publisher, RecordPosition
from pointsman.runtime.settings import KafkaPart

NEVER = "never"
UNSURE = [
    RequestTimedOutError(), KafkaTimeoutError(), NotEnoughReplicasError(), OutOfOrderSequenceNumber(),
    KafkaConnectionError(), UnknownError(), NEVER,
]  # fmt: skip


class Producer:
    """Answers each record in turn: with a position, an error, or never."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.stopped = False
        cluster = SimpleNamespace(partitions_for_topic=lambda topic: {0})
        self.client = SimpleNamespace(cluster=cluster)

    async def send(self, topic: str, **record: object) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        match self._answers.pop(0):
            case KafkaError() as error:
                answer.set_exception(error)
            case int() as offset:
                answer.set_result(SimpleNamespace(topic=topic, partition=0, offset=offset))
        return answer

    async def stop(self) -> None:
        self.stopped = True


def publisher_on(producer: Producer) -> Publisher:
    publisher = Publisher(KafkaPart(kafka="none:1"))
    publisher.__dict__["_producer"] = producer
    return publisher


def records(count: int) -> list[Outgoing]:
    return [Outgoing("t", None, b"%d" % number, []) for number in range(count)]


async def test_acknowledged_records_have_a_position_and_recognised_repeats_have_no_offset() -> None:
    publisher = publisher_on(Producer(7, -1))
    assert await publisher.publish(records(2)) == [RecordPosition("t", 0, 7), RecordPosition("t", 0, None)]


@pytest.mark.parametrize("answer", UNSURE, ids=repr)
async def test_unconfirmed_records_are_uncertain(answer: object) -> None:
    publisher = publisher_on(Producer(7, answer, 8))
    with pytest.raises(PublishUncertainError) as raised:
        await publisher.publish(records(3), within=0.2)
    assert raised.value.indexes == (1,)


@pytest.mark.parametrize("answer", UNSURE, ids=repr)
async def test_a_refusal_of_another_record_makes_nothing_certain(answer: object) -> None:
    publisher = publisher_on(Producer(MessageSizeTooLargeError(), answer, 8))
    with pytest.raises(PublishUncertainError) as raised:
        await publisher.publish(records(3), within=0.2)
    assert raised.value.indexes == (0, 1)


@pytest.mark.parametrize(
    ("error", "why", "hint"),
    [
        (MessageSizeTooLargeError(), "too large", "docs/claim-check.md"),
        (TopicAuthorizationFailedError(), "may not write", "docs/security.md"),
        (UnknownTopicOrPartitionError(), "no such topic", "pointsman topics apply"),
    ],
    ids=["size", "rights", "topic"],
)
async def test_a_single_refusal_is_certain_with_a_remedy_and_a_new_producer(
    error: KafkaError, why: str, hint: str
) -> None:
    producer = Producer(7, error)
    publisher = publisher_on(producer)
    with pytest.raises(PublishRefusedError, match=why) as raised:
        await publisher.publish(records(2))
    assert raised.value.indexes == (1,)
    assert hint in raised.value.hint
    assert publisher.__dict__["_producer"] is None


async def test_records_not_sent_in_time_are_uncertain_too() -> None:
    class Full(Producer):
        async def send(self, topic: str, **record: object) -> "asyncio.Future[Any]":
            if not self._answers:
                await asyncio.Event().wait()
            return await super().send(topic, **record)

    publisher = publisher_on(Full(7))
    with pytest.raises(PublishUncertainError) as raised:
        await publisher.publish(records(3), within=0.2)
    assert raised.value.indexes == (1, 2)
