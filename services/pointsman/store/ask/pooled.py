"""Named queries on a connection pool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import asyncpg

from pointsman.store.connect import Pool, open_pool, translated
from pointsman.store.privacy.sealing import MasterKey
from pointsman.store.sql import query


class PooledQueries:
    """Each method runs named queries. All raise StoreUnavailableError and StoreError.

    `master` opens sealed content. `application`: the name that the server shows.
    """

    application: ClassVar[str]

    def __init__(self, pool: Pool, master: MasterKey | None = None) -> None:
        self._pool = pool
        self._master = master

    @classmethod
    @asynccontextmanager
    async def opened(cls, dsn: str, master: MasterKey | None = None) -> AsyncIterator[Self]:
        """Open one with a connection pool of its own."""
        async with await open_pool(dsn, application=cls.application, size=2) as pool:
            yield cls(pool, master)

    async def _ask(self, name: str, *arguments: Any) -> list[asyncpg.Record]:
        with translated():
            async with self._pool.acquire() as connection:
                return await connection.fetch(query(name), *arguments)
