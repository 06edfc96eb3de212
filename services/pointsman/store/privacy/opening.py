"""Decrypts sealed content, for readers with the master key and the right to read the wrapped keys."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from pointsman.store.connect import Connection
from pointsman.store.errors import ContentHiddenError
from pointsman.store.privacy.privacy_note import Note
from pointsman.store.privacy.sealed_record import RecordContent, unpacked
from pointsman.store.privacy.sealing import DataKey, MasterKey, SealBrokenError
from pointsman.store.sql import query


class Closed(StrEnum):
    """Why a row's content cannot be read."""

    SEALED = "sealed"
    ERASED = "erased"
    BROKEN = "broken"


async def open_rows(
    connection: Connection, master: MasterKey | None, rows: Sequence[Any]
) -> list[RecordContent | Closed]:
    """Return the content of each row.

    Rows have `topic`, `partition`, `offset`, `value` and a note in `privacy`. A row is SEALED without the
    master key, without the right to read wrapped keys, or if another master key wrapped its key.
    """
    notes = [Note.read(row["privacy"]) for row in rows]
    ids = {note.key for note in notes if note.key is not None}
    erased = {row["key_id"] for row in await connection.fetch(query("erased_keys"), list(ids))}
    keys = await data_keys(connection, master, ids)
    return [
        Closed.ERASED if note.key in erased else _opened(row, keys.get(note.key) if note.key else None)
        for row, note in zip(rows, notes, strict=True)
    ]


async def value_of(connection: Connection, master: MasterKey | None, row: Any, subject: str) -> bytes:
    """Return a row's value, decrypted if it is sealed.

    Raises:
        ContentHiddenError: it cannot be decrypted; `subject` is the subject of the error's sentence.
    """
    if row["privacy"] is not None and Note.read(row["privacy"]).key is not None:
        (content,) = await open_rows(connection, master, [row])
        if isinstance(content, Closed):
            raise ContentHiddenError(subject, *_WHY[content])
        return content.value or b""
    return bytes(row["value"] or b"")


def masked_by(privacy: str | None) -> str | None:
    """Describe the rules that masked parts of a row; None if nothing was masked."""
    rules = () if privacy is None else Note.read(privacy).rules
    return f"masked by {', '.join(rules)} before it was stored" if rules else None


def _opened(row: Any, key: DataKey | None) -> RecordContent | Closed:
    if key is None:
        return Closed.SEALED
    try:
        origin = (row["topic"], row["partition"], row["offset"])
        return unpacked(key.open(origin, bytes(row["value"] or b"")))
    except (SealBrokenError, ValueError, KeyError):
        return Closed.BROKEN


async def data_keys(
    connection: Connection, master: MasterKey | None, ids: Collection[UUID]
) -> dict[UUID, DataKey]:
    """Return the keys with these ids, without erased ones and keys that another master key wrapped."""
    keys: dict[UUID, DataKey] = {}
    if master is None:
        return keys
    try:
        async with connection.transaction():  # a savepoint: a refusal does not abort the caller's transaction
            rows = await connection.fetch(query("open_subject_keys"), list(ids))
    except asyncpg.InsufficientPrivilegeError:
        return keys
    for row in rows:
        with suppress(SealBrokenError):
            keys[row["key_id"]] = master.unwrap(row["key_id"], row["subject"], row["wrapped"])
    return keys


_WHY = {
    Closed.SEALED: (
        "is sealed for the person whom it is about",
        "it takes the master key (POINTSMAN_AUDIT_PRIVACY_KEY) and a member of pointsman_audit_opener",
    ),
    Closed.ERASED: ("was erased: the key that sealed it is gone",),
    Closed.BROKEN: ("does not open: it was changed", "where, and what else: pointsman audit verify"),
}
