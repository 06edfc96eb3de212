"""Reads recorded decisions, and the policies and models behind them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pointsman.store.ask.pooled import PooledQueries
from pointsman.store.connect import translated
from pointsman.store.errors import ContentHiddenError
from pointsman.store.privacy.opening import masked_by, value_of
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied

PAGE = 500


@dataclass(frozen=True, slots=True)
class Decided:
    """A `job.routed.v1` message as written, and the cost of the job's calls.

    `cost_usd` does not include the `unpriced` calls; None if the job had no calls.
    """

    value: bytes
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal | None
    unpriced: int


class Decisions(PooledQueries):
    """Queries about decisions, policies and models."""

    application = "pointsman.decisions"

    async def value(self, job_id: UUID) -> bytes | None:
        """Return the bytes of the router's latest `job.routed.v1` of the job; None if it was never routed.

        Raises:
            ContentHiddenError: the content was masked, or is sealed and cannot be opened.
        """
        for row in await self._ask("router_decision", job_id):
            subject = f"the decision about job {job_id}"
            if masked := masked_by(row["privacy"]):
                raise ContentHiddenError(subject, f"cannot be made again: the job was {masked}")
            with translated():
                async with self._pool.acquire() as connection:
                    return await value_of(connection, self._master, row, subject)
        return None

    async def policy(self, version: str) -> PolicyApplied | None:
        """Return the policy of that version, or None if no router recorded it."""
        applied = await self._applied(PolicyApplied.TYPE, f"policy/{version}")
        return None if applied is None else PolicyApplied.model_validate_json(applied)

    async def model(self, sha256: str) -> ModelApplied | None:
        """Return the model with that digest, or None if no router recorded it."""
        applied = await self._applied(ModelApplied.TYPE, f"model/{sha256}")
        return None if applied is None else ModelApplied.model_validate_json(applied)

    async def count(self, since: datetime, until: datetime) -> int:
        """Count the decisions from `since` until before `until`, by the broker's clock."""
        (row,) = await self._ask("count_routed", since, until)
        return int(row["jobs"])

    async def between(self, since: datetime, until: datetime) -> AsyncIterator[list[Decided]]:
        """Yield the decisions of that period in pages, ordered by the broker's clock."""
        after: tuple[Any, ...] = (since, "", -1, -1)
        while rows := await self._ask("routed_after", since, until, *after, PAGE):
            yield [Decided(*(row[field.name] for field in fields(Decided))) for row in rows]
            last = rows[-1]
            after = (last["broker_at"], last["topic"], last["partition"], last["offset"])

    async def _applied(self, kind: str, key: str) -> bytes | None:
        for row in await self._ask("applied", kind, key.encode()):
            return bytes(row["value"])
        return None
