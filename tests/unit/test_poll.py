"""What is left to read, also of a partition that has gone to somebody else."""

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from pointsman.bus.poll import unread


async def test_a_partition_that_is_anothers_by_now_has_nothing_left_for_us() -> None:
    consumer, gone = AIOKafkaConsumer(), TopicPartition("t", 0)
    with pytest.raises(AssertionError):  # why we ask first: it would end the service
        consumer.highwater(gone)
    assert unread(consumer, gone, 5) == 0
    await consumer.stop()
