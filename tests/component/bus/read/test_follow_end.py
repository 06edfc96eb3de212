"""Reading a topic up to the end that it had at the start."""

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.read.follow import Follower
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.raw_produce import produce_raw
from tests.support.bus.record_log import Log

pytestmark = pytest.mark.stack


async def test_records_written_meanwhile_are_neither_returned_nor_counted(kafka: Kafka) -> None:
    topic = Topics(kafka.prefix).intake
    await apply(kafka.settings, [topic])
    three = Log()
    three.add([b"1", b"2", b"3"])
    await produce_raw(kafka.bootstrap, (topic.name, 0), three.data)
    values = []
    async with Follower(kafka.settings, [topic.name], start="beginning", until_end=True) as follower:
        await produce_raw(kafka.bootstrap, (topic.name, 0), three.data)
        while not follower.ended:
            values += [record.value for record in await follower.read()]
        assert follower.offsets[topic.name, 0] == 3
    assert values == [b"1", b"2", b"3"]
