"""Binary COPY into the audit table, and what becomes of a row that Postgres refuses."""

from collections.abc import Sequence

import asyncpg

from pointsman.store.connect import Connection
from pointsman.store.row import Row

#: Postgres or the driver cannot take a value; the connection is fine. The driver raises plain Python errors.
REFUSED = (
    asyncpg.DataError,
    asyncpg.ProgramLimitExceededError,
    ArithmeticError,
    TypeError,
    ValueError,
)


async def copy_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Store `rows`, all or none.

    Raises:
        REFUSED: one of them cannot be stored as it is.
    """
    await connection.copy_records_to_table("message", schema_name="audit", columns=Row._fields, records=rows)


async def copy_what_can_be(connection: Connection, rows: Sequence[Row]) -> None:
    """Store `rows`, halving them until each refused one is found; that one is kept as bytes with the reason.

    Belongs inside a transaction: each try is a savepoint of it.
    """
    refusal = await _refusal_of(connection, rows)
    if refusal is None:
        return
    if len(rows) > 1:
        middle = len(rows) // 2
        await copy_what_can_be(connection, rows[:middle])
        await copy_what_can_be(connection, rows[middle:])
        return
    reason = f"Postgres refused it: {_storable(refusal)}"
    if await _refusal_of(connection, [rows[0].without_payload(reason)]) is not None:
        async with connection.transaction():
            await copy_rows(connection, [rows[0].only_bytes(reason)])


async def _refusal_of(connection: Connection, rows: Sequence[Row]) -> Exception | None:
    try:
        async with connection.transaction():
            await copy_rows(connection, rows)
    except REFUSED as error:
        return error
    return None


def _storable(error: Exception) -> str:
    text = str(error).replace("\n", "; ").replace("\0", " ")
    return text.encode("utf-8", "backslashreplace").decode()[:500]
