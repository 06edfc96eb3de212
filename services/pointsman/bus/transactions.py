"""One lane's transactional producer: records and the lane's position are written together or not at all.

Two ways, one interface: a cluster whose feature `transaction.version` is 2 (Kafka 4 and newer) gets
`EpochTransactions`, any other `AnnouncedTransactions`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiokafka.client import AIOKafkaClient

from pointsman.bus.announced import AnnouncedTransactions
from pointsman.bus.bundle import Made
from pointsman.bus.epochs import EpochTransactions, transaction_version
from pointsman.bus.places import Place
from pointsman.bus.settings import LanePart


class Transactions(Protocol):
    """Whatever error comes out of it leaves the outcome open, and the object is then useless.

    But for RecordsRefusedError: then nothing of the transaction is there.
    """

    async def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""

    async def write(
        self, records: Mapping[Place, Sequence[Made]], next_offset: int, metadata: str, *, alone: bool = False
    ) -> None:
        """One transaction: `records` to their partitions, and where the lane goes on.

        `alone`: a record was refused before; find out which it is, whatever it takes.
        """

    async def close(self) -> None:
        """Let go; a transaction still open is aborted by the lane's next owner."""


async def open_transactions(settings: LanePart, group: str, lane: Place) -> Transactions:
    """The lane's previous owner, wherever it is, is fenced when this returns."""
    name = f"{group}-{lane[0]}-{lane[1]}"
    client = AIOKafkaClient(
        bootstrap_servers=settings.kafka, client_id=name, request_timeout_ms=settings.request_timeout_ms
    )
    try:
        await client.bootstrap()
        if await transaction_version(client) >= 2:
            return await EpochTransactions.open(client, settings, name, group, lane)
    except BaseException:
        await client.close()
        raise
    await client.close()
    return await AnnouncedTransactions.open(settings, name, group, lane)
