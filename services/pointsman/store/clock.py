"""The database's own clock."""

from datetime import datetime

from pointsman.store.connect import fetched


async def database_time(dsn: str) -> datetime:
    """The time by Postgres' clock, with time zone.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    ((now,),) = await fetched(dsn, "clock")
    assert isinstance(now, datetime)
    return now
