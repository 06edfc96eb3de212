"""Submitted jobs as they were sent, to be replayed."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from pointsman.store.connect import Connection, connected, translated
from pointsman.store.privacy.opening import Closed, masked_by, open_rows
from pointsman.store.privacy.sealing import MasterKey
from pointsman.store.sql import query


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter of jobs: submitted from `since` until `until`; None matches any."""

    since: datetime
    until: datetime
    agent: str | None = None
    tier: str | None = None
    kind: str | None = None
    outcome: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A submitted record and its outcome. `headers`: those that are text.

    `hidden`: why its content is not available; then it cannot be sent.
    """

    job_id: UUID | None
    message_id: UUID | None
    place: tuple[str, int, int]
    at: datetime
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    outcome: str | None
    reason: str | None
    hidden: str | None = None


async def submitted(dsn: str, wanted: Wanted, master: MasterKey | None = None) -> AsyncGenerator[Sent, None]:
    """Jobs by the record that first submitted them, oldest first; `master` opens what is sealed.

    Raises:
        StoreUnavailableError, StoreError: they cannot be read.
    """
    of = (wanted.agent, wanted.tier, wanted.kind, wanted.outcome, wanted.reason)
    async for row in _ask(dsn, master, "submitted_again", wanted.since, wanted.until, *of):
        yield row


async def dead(dsn: str, wanted: Wanted, master: MasterKey | None = None) -> AsyncGenerator[Sent, None]:
    """What the router sent to the dead letters, as it was found, oldest first. Raises the same."""
    async for row in _ask(dsn, master, "dead_again", wanted.since, wanted.until, wanted.agent, wanted.reason):
        yield row


async def _ask(dsn: str, master: MasterKey | None, name: str, *arguments: Any) -> AsyncGenerator[Sent, None]:
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction(readonly=True):
                statement = await connection.prepare(query(name))
                async for row in statement.cursor(*arguments):
                    yield await _sent(connection, master, row)


async def _sent(connection: Connection, master: MasterKey | None, row: Any) -> Sent:
    value, headers, hidden = row["value"], row["headers"], masked_by(row["privacy"])
    if row["privacy"] is not None and hidden is None:
        (content,) = await open_rows(connection, master, [row])
        if isinstance(content, Closed):
            hidden = f"what it said is {content.value}"
        else:
            value, headers = content.value, content.headers
    return Sent(
        row["job_id"],
        row["message_id"],
        (row["topic"], row["partition"], row["offset"]),
        row["broker_at"],
        None if value is None else bytes(value),
        tuple((name, text.encode()) for name, text in orjson.loads(headers) if isinstance(text, str)),
        row["outcome"],
        row["outcome_reason"],
        hidden,
    )
