"""One transaction queue for all consumer groups of a process, open while any of them is connected."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.produce.transaction_queue import TransactionQueue
from pointsman.bus.produce.transactions import Transactions
from pointsman.bus.settings import LanePart


class SharedTransactions:
    """Groups that share it write in the same transactions, and so with the same login."""

    def __init__(self, settings: LanePart) -> None:
        self._settings = settings
        self._users = 0
        self._queue: TransactionQueue | None = None
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def opened(self, group: str) -> AsyncIterator[TransactionQueue]:
        """The queue while inside. Its transactional id is made from the name of the first group.

        Raises:
            BrokerTooOldError: the cluster has no transactions of version 2.
        """
        async with self._changing:
            if self._queue is None:
                self._queue = TransactionQueue(await Transactions.open(self._settings, group))
            queue = self._queue
            self._users += 1
        try:
            yield queue
        finally:
            self._users -= 1
            if not self._users:
                self._queue = None
                await queue.close()
