"""What agents did, by the record."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pointsman.store.connect import connected, translated
from pointsman.store.sql import query


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
    async with connected(dsn) as connection:
        with translated(dsn):
            rows = await connection.fetch(query("agents_seen"), since)
    return [AgentSeen(**{**row, "tiers": tuple(row["tiers"] or ())}) for row in rows]
