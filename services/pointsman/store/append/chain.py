"""The hash chain: each row's link is a digest of the previous link in its lane and all the row's columns.

The form is described, byte by byte, in docs/audit-integrity.md; it may never change.
"""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import orjson

from pointsman.store.append.row import Row
from pointsman.store.privacy.privacy_note import canonical

_FIRST = Row._fields.index("message_id")
_COST = Row._fields.index("cost_usd")


def genesis(topic: str, partition: int, from_offset: int) -> bytes:
    """Return the value that the first link follows; rows before `from_offset` are older than the chain."""
    return sha256(f"pointsman chain 1\n{topic}\n{partition}\n{from_offset}\n".encode()).digest()


def follow(before: bytes, row: Row, recorded_at: datetime) -> bytes:
    """Return the next link: SHA-256 of the previous link, the record's digest and every other column.

    Raises:
        TypeError, ValueError, ArithmeticError, AttributeError: Postgres would refuse a column's value.
    """
    columns: tuple[object, ...] = (
        *row[_FIRST:_COST],
        None if row.cost_usd is None else _decimal(row.cost_usd),
        None if row.duration_ms is None else repr(row.duration_ms),
        None if row.produced_at is None else _utc(row.produced_at),
        _utc(row.broker_at),
        _utc(recorded_at),
        row.payload is not None,
        row.unreadable,
    )
    if row.privacy is not None:
        columns = (*columns, canonical(row.privacy))
    assert row.record_sha256 is not None
    return sha256(before + row.record_sha256 + orjson.dumps(columns, default=str)).digest()


def _decimal(amount: Decimal) -> str:
    """Format as Postgres' `numeric` does: no exponent, no sign before zero."""
    return format(amount if amount else abs(amount), "f")


def _utc(time: datetime) -> datetime:
    return time if time.tzinfo is UTC else time.astimezone(UTC)
