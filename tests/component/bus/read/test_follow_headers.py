"""A record whose header name is not UTF-8 is read, and the bytes of the name are shown."""

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.read.follow import follow
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.raw_produce import produce_raw
from tests.support.bus.record_log import Log

pytestmark = pytest.mark.stack


async def test_it_is_read_like_any_other(kafka: Kafka) -> None:
    topic = Topics(kafka.prefix).intake
    await apply(kafka.settings, [topic])
    odd, usual = Log(), Log()
    odd.add([b"before", b"odd"])
    odd.rename_header(b"\xff")
    usual.add([b"usual"] * 50)
    for log in (usual, odd, usual, odd):
        await produce_raw(kafka.bootstrap, (topic.name, 0), log.data)
    records = [
        record async for record in follow(kafka.settings, [topic.name], start="beginning", until_end=True)
    ]
    assert len(records) == 104
    assert [record.offset for record in records if record.headers == (("\\xff", b"odd"),)] == [51, 103]
    assert sum(record.headers == (("h", b"usual"),) for record in records) == 50
