"""Reads recorded jobs with labels, for training."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from pointsman.store.connect import open_pool, translated
from pointsman.store.sql import query

#: Rows fetched at a time.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Labelled:
    """A job or a shadow, with its answer and verdict.

    `root`: the id of the original job. `value`: the `job.routed.v1` as written. `verdict`: the mean of each
    judge's last verdict, 0 to 1. `response`, tokens and cost: None if the job was not completed.
    """

    root: UUID
    job_id: UUID
    tier: str
    value: bytes
    verdict: float | None
    response: dict[str, Any] | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal | None


@asynccontextmanager
async def labelled(
    dsn: str, since: datetime, by: Sequence[str] | None = None
) -> AsyncIterator[AsyncIterator[Labelled]]:
    """Stream every labelled job since `since`, ordered by root. With `by` only these judges' verdicts count.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    async with await open_pool(dsn, application="pointsman.labelled", size=1) as pool:
        with translated():
            async with pool.acquire() as connection, connection.transaction(readonly=True):
                statement = await connection.prepare(query("labelled"))
                rows = statement.cursor(since, by, prefetch=PAGE)
                yield (Labelled(**{**row, "response": _response(row["response"])}) async for row in rows)


def _response(text: str | None) -> dict[str, Any] | None:
    response = orjson.loads(text or "null")
    return response if isinstance(response, dict) else None
