"""A reader of an idle topic polls less often, and still gets new records at once."""

from collections.abc import Iterable

from aiokafka import TopicPartition

from pointsman.bus.codec.record_batch import read_batches
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.fetch_buffer import FetchBuffer
from pointsman.bus.read.follow import _POLL_S, _QUIET_S, Follower
from pointsman.runtime.settings import KafkaPart
from tests.support.bus.record_log import Log

PLACE = ("t", 0)


class Stock:
    """A double of the fetcher; `waits`: the maximum wait of each request."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.buffer = FetchBuffer()

    async def gather(self, wanted: Iterable[TopicPartition], within_s: float) -> None:
        self.waits.append(within_s)

    def fetch_buffer(self, tp: TopicPartition) -> FetchBuffer:
        return self.buffer

    def next_offset(self, tp: TopicPartition) -> int:
        return 0

    def first_offset_if_gone(self, tp: TopicPartition) -> bool:
        return False


async def test_reads_wait_longer_while_the_topic_is_idle() -> None:
    follower, stock = Follower(KafkaPart(), [PLACE[0]], until_end=True), Stock()
    follower.__dict__["_fetcher"] = stock
    follower.offsets[PLACE] = 0
    follower._ends[PLACE] = 9
    log = Log()
    log.add([b"a"])
    await follower.read()
    await follower.read()
    batches, _ = read_batches(PLACE, 0, log.data, ())
    stock.buffer.put(batches)
    records: list[Incoming] = await follower.read()
    assert [record.value for record in records] == [b"a"]
    await follower.read()
    assert stock.waits == [_POLL_S, _QUIET_S, _QUIET_S, _POLL_S]
