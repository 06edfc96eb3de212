"""Where agents sprawl: the registry against what the record has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from pointsman.store.connect import connected, translated
from pointsman.store.sql import query
from pointsman_schemas.base import Json


@dataclass(frozen=True, slots=True)
class Sprawl:
    """One finding; `narrower` is the entry with no more than what was used, where that is less."""

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
    async with connected(dsn) as connection:
        with translated(dsn):
            rows = await connection.fetch(query("sprawl"), orjson.dumps(list(registry)).decode(), at)
    return [
        Sprawl(
            row["finding"],
            row["agent_id"],
            row["owner"],
            row["detail"],
            None if row["narrower"] is None else orjson.loads(row["narrower"]),
        )
        for row in rows
    ]
