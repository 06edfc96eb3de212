"""Erases a subject by deleting its key: without the key its sealed content cannot be read."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from pointsman.store.connect import connected, translated
from pointsman.store.errors import StoreError
from pointsman.store.privacy.sealing import MasterKey
from pointsman.store.sql import query


class Erased(NamedTuple):
    """What a subject's key seals, or sealed: rows, UTC days and jobs; times of the first and last row."""

    key_id: UUID
    rows: int
    days: int
    jobs: int
    first_at: datetime | None
    last_at: datetime | None


async def extent(dsn: str, master: MasterKey, subject: str) -> Erased | None:
    """Return what `erase` would erase; None if the subject has no key.

    Raises:
        StoreUnavailableError, StoreError: the query failed, or the user of `dsn` is not an eraser.
    """
    return await _ask(dsn, "subject_extent", master, subject)


async def erase(dsn: str, master: MasterKey, subject: str) -> Erased | None:
    """Delete the subject's key and record the erasure; None if it has no key. Raises as `extent`."""
    return await _ask(dsn, "erase_subject", master, subject)


async def _ask(dsn: str, name: str, master: MasterKey, subject: str) -> Erased | None:
    async with connected(dsn) as connection:
        with translated(dsn):
            try:
                rows = await connection.fetch(query(name), master.hash_of(subject))
            except asyncpg.InsufficientPrivilegeError as error:
                raise StoreError(
                    "this database user may not erase: it takes a member of pointsman_audit_eraser "
                    "(pointsman db login NAME --as eraser), named in POINTSMAN_POSTGRES_ERASER"
                ) from error
    return Erased(*rows[0]) if rows else None
