"""Keeps values as rows of the table `claims.payload` in Postgres."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from pointsman.claims.store import ClaimsUnavailableError, StoredValue
from pointsman.store.connect import Pool, open_pool, place, translated
from pointsman.store.errors import StoreError
from pointsman.store.sql import query


class ClaimsTable:
    """A store in a table. Connects on demand; a missing table counts as an unavailable store."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    @property
    def place(self) -> str:
        """The address without user and password."""
        return f"postgresql://{place(self._dsn)}"

    def url(self, sha256: str) -> str:
        """The row's address in the form of a URL."""
        return f"{self.place}#claims.payload/{sha256}"

    async def put(self, sha256: str, content: bytes) -> None:
        """See `ClaimStore`."""
        await self._ask("payload_put", bytes.fromhex(sha256), content)

    async def get(self, sha256: str) -> bytes | None:
        """See `ClaimStore`."""
        ((content,),) = await self._ask("payload_get", bytes.fromhex(sha256))
        return None if content is None else bytes(content)

    async def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        """See `ClaimStore`."""
        for row in await self._ask("payload_older", than):
            yield StoredValue(row["sha256"].hex(), row["bytes"], row["put_at"])

    async def delete(self, kept: StoredValue) -> bool:
        """See `ClaimStore`."""
        return bool(await self._ask("payload_delete", bytes.fromhex(kept.sha256), kept.at))

    async def close(self) -> None:
        """See `ClaimStore`."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _ask(self, name: str, *arguments: object) -> list[Any]:
        """Return the rows of the named query."""
        try:
            async with self._opening:
                if self._pool is None:
                    self._pool = await open_pool(self._dsn, application="pointsman-claims")
            with translated():
                async with self._pool.acquire() as connection:
                    return await connection.fetch(query(name), *arguments)
        except StoreError as error:
            raise ClaimsUnavailableError(f"the store {self.place} is not available: {error}") from error
