"""The database's own clock."""

from datetime import datetime

from pointsman.store.connect import connected, translated
from pointsman.store.sql import query


async def database_time(dsn: str) -> datetime:
    """The time by Postgres' clock, with time zone.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            now: datetime = await connection.fetchval(query("clock"))
            return now
