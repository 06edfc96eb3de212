"""A lane writer outside a group, which only tests use."""

from aiokafka import TopicPartition

from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.produce.transactions import Transactions
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.bus.settings import LanePart


def nobody(group: str) -> Membership:
    """The membership used for a group without members."""
    return Membership(group, "", -1)


class SoleWriter(LaneWriter):
    """A writer with its own transactions, see `open`."""

    def __init__(
        self, group: str, lane: TopicPartition, queue: TransactionQueue, membership: Membership | None = None
    ) -> None:
        super().__init__(group, lane, queue, membership or nobody(group))
        self.queue = queue

    @classmethod
    async def open(
        cls, settings: LanePart, group: str, lane: TopicPartition, membership: Membership | None = None
    ) -> "SoleWriter":
        return cls(group, lane, TransactionQueue(await Transactions.open(settings, group)), membership)

    async def close(self) -> None:
        await self.queue.close()
