"""The progress of a consumer group, derived from offsets: written, finished and deleted records."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import OffsetAndMetadata

from pointsman.bus.admin.lag import lanes
from pointsman.bus.admin.topic_progress import TopicProgress, progress_reader
from pointsman.bus.admin.topics import apply
from pointsman.bus.errors import BusError
from pointsman.bus.produce.bitmap import encode_metadata
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack


async def test_remaining_records_of_a_topic(kafka: Kafka) -> None:
    topics, settings = Topics(kafka.prefix), kafka.settings
    await apply(settings, [topics.intake, topics.tier("small")])
    watched = lanes(topics, ["small"])
    small = watched[1]
    async with progress_reader(settings) as reader:
        assert (await reader.read(watched))[small.topic] == TopicProgress(0, 0)
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            for number, count in ((0, 10), (1, 5)):
                for _ in range(count):
                    await producer.send_and_wait(small.topic, b"{}", partition=number)
        assert (await reader.read(watched))[small.topic] == TopicProgress(15, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap, group_id=small.group, enable_auto_commit=False
        )
        async with consumer:
            places = [TopicPartition(small.topic, number) for number in (0, 1)]
            consumer.assign(places)
            beyond = OffsetAndMetadata(4, encode_metadata(4, [6, 7]))
            await consumer.commit({places[0]: beyond, places[1]: OffsetAndMetadata(1, "")})
        assert (await reader.read(watched))[small.topic] == TopicProgress(15, 4 + 2 + 1)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await admin.start()
        await admin.delete_records({places[1]: RecordsToDelete(before_offset=5)})
        await admin.close()
        assert (await reader.read(watched))[small.topic] == TopicProgress(15, 4 + 2 + 5)


async def test_nobody_answers() -> None:
    with pytest.raises(BusError):
        async with progress_reader(KafkaPart(kafka="127.0.0.1:9")):
            pass
