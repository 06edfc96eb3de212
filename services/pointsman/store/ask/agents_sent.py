"""Reads the records that agents sent, and the registry's history, from the audit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson

from pointsman.store.append.record import stored_headers
from pointsman.store.connect import connected, fetched, translated
from pointsman.store.sql import query
from pointsman_schemas.base import Json

#: Rows fetched at a time.
PAGE = 500


@dataclass(frozen=True, slots=True)
class SentRecord:
    """A record of an agent. `hidden`: its value was masked or sealed; `routed`: the router made it a job."""

    origin: tuple[str, int, int]
    agent_id: str | None
    headers: list[tuple[str, bytes]]
    value: bytes | None
    broker_at: datetime
    hidden: bool
    routed: bool


@asynccontextmanager
async def agents_sent(
    dsn: str, topics: Sequence[str], start: datetime, end: datetime, job_id: UUID | None
) -> AsyncIterator[AsyncIterator[SentRecord]]:
    """Stream the records of `topics` from `start` until before `end`; `job_id` selects one job.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction(readonly=True):
                statement = await connection.prepare(query("agents_sent"))
                rows = statement.cursor(list(topics), start, end, job_id, prefetch=PAGE)
                yield (
                    SentRecord(
                        (row["topic"], row["partition"], row["offset"]),
                        row["agent_id"],
                        [(name, value or b"") for name, value in stored_headers(row["headers"])],
                        row["value"],
                        row["broker_at"],
                        row["hidden"],
                        row["routed"],
                    )
                    async for row in rows
                )


@dataclass(frozen=True, slots=True)
class RegistryRecord:
    """A record of the agent registry's topic."""

    origin: tuple[str, int, int]
    key: bytes | None
    headers: list[tuple[str, bytes]]
    value: bytes
    broker_at: datetime


async def registry_history(dsn: str, topic: str) -> list[RegistryRecord]:
    """Return all records of the registry's topic, in order.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    rows = await fetched(dsn, "registry_history", topic)
    return [
        RegistryRecord(
            (row["topic"], row["partition"], row["offset"]),
            row["key"],
            [(name, value or b"") for name, value in stored_headers(row["headers"])],
            row["value"],
            row["broker_at"],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Sprawl:
    """A finding about an agent's rights. `narrower`: its entry with the used rights only, if fewer."""

    finding: str
    agent_id: str
    owner: str | None
    detail: str
    narrower: Json | None = None


async def sprawl(dsn: str, registry: Sequence[Json], at: datetime) -> list[Sprawl]:
    """Return the findings for these registry entries, which have `state` and `changed_at`, as of `at`.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    rows = await fetched(dsn, "sprawl", orjson.dumps(list(registry)).decode(), at)
    return [Sprawl(**{**row, "narrower": orjson.loads(row["narrower"] or "null")}) for row in rows]


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """An agent's jobs in a period; `refused_jobs` of them were rejected."""

    agent_id: str
    jobs: int
    refused_jobs: int
    cost_usd: Decimal | None
    tiers: tuple[str, ...]
    first_at: datetime
    last_at: datetime


async def agents_seen(dsn: str, since: datetime) -> list[AgentSeen]:
    """Return each agent with a job that had a message since `since`.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    rows = await fetched(dsn, "agents_seen", since)
    return [AgentSeen(**{**row, "tiers": tuple(row["tiers"] or ())}) for row in rows]
