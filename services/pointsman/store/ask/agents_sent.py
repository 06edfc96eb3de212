"""Records that agents sent, from the audit, and the registry's history."""

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
    """`hidden`: its value was masked or sealed; `routed`: the router made a job of it."""

    place: tuple[str, int, int]
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
    """The records of these topics from `start` to before `end`.

    Raises:
        StoreUnavailableError, StoreError.
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
    """One of the registry's records."""

    place: tuple[str, int, int]
    key: bytes | None
    headers: list[tuple[str, bytes]]
    value: bytes
    broker_at: datetime


async def registry_history(dsn: str, topic: str) -> list[RegistryRecord]:
    """All of the topic's, in their order.

    Raises:
        StoreUnavailableError, StoreError.
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
    """One finding; `narrower`: the entry reduced to what was used, if that is less."""

    finding: str
    agent_id: str
    owner: str | None
    detail: str
    narrower: Json | None = None


async def sprawl(dsn: str, registry: Sequence[Json], at: datetime) -> list[Sprawl]:
    """The findings for these entries, each with `state` and `changed_at`, as of `at`.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    rows = await fetched(dsn, "sprawl", orjson.dumps(list(registry)).decode(), at)
    return [Sprawl(**{**row, "narrower": orjson.loads(row["narrower"] or "null")}) for row in rows]


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """One agent's jobs in a span of time; `refused_jobs` of them were rejected."""

    agent_id: str
    jobs: int
    refused_jobs: int
    cost_usd: Decimal | None
    tiers: tuple[str, ...]
    first_at: datetime
    last_at: datetime


async def agents_seen(dsn: str, since: datetime) -> list[AgentSeen]:
    """Every agent with a job that had a message since then.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    rows = await fetched(dsn, "agents_seen", since)
    return [AgentSeen(**{**row, "tiers": tuple(row["tiers"] or ())}) for row in rows]
