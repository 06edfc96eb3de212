"""Signed checkpoints in the database: each follows the one before it."""

from collections.abc import Callable
from hashlib import sha256

from pointsman.store.connect import Pool, translated
from pointsman.store.sql import query
from pointsman_schemas.control.checkpoints import CheckpointSigned

#: Makes and signs the checkpoint with this number, after the one with this digest.
Make = Callable[[int, str | None], CheckpointSigned]


async def add_checkpoint(pool: Pool, make: Make) -> tuple[CheckpointSigned, bytes]:
    """Store the next checkpoint; returns it, and its bytes as they belong on the bus.

    Processes that do so at once take turns.

    Raises:
        StoreUnavailableError, StoreError: it is not stored, or may not be.
    """
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            last = await connection.fetchrow(query("last_checkpoint"))
            number = last["number"] + 1 if last else 1
            made = make(number, sha256(last["message"]).hexdigest() if last else None)
            message = made.model_dump_json().encode()
            await connection.execute(query("add_checkpoint"), number, made.made_at, made.key_id, message)
    return made, message
