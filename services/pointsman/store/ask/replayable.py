"""Reads submitted jobs as they were sent, for replay."""

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
    """A filter of jobs: submitted from `since` until before `until`; None matches any value."""

    since: datetime
    until: datetime
    agent: str | None = None
    tier: str | None = None
    kind: str | None = None
    outcome: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A submitted record and its outcome. `headers`: those whose value is text.

    `hidden`: why its content is not available; such a record cannot be sent again.
    """

    job_id: UUID | None
    message_id: UUID | None
    origin: tuple[str, int, int]
    at: datetime
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    outcome: str | None
    reason: str | None
    hidden: str | None = None


async def submitted(
    dsn: str, selection: Wanted, master: MasterKey | None = None, *, dead: bool = False
) -> AsyncGenerator[Sent, None]:
    """Yield the record that first submitted each job, oldest first; `master` opens sealed content.

    `dead`: yield the records that the router sent to the dead letters instead.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    of_job = () if dead else (selection.tier, selection.kind, selection.outcome)
    of = (selection.since, selection.until, selection.agent, *of_job, selection.reason)
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction(readonly=True):
                statement = await connection.prepare(query("dead_again" if dead else "submitted_again"))
                async for row in statement.cursor(*of):
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
