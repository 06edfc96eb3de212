"""Reads jobs from the audit database."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import asyncpg
import orjson
from pydantic import ValidationError

from pointsman.store.ask.answers import Ended, Hops, JobState, Routed, Step, TierCost, TierOutcomes
from pointsman.store.ask.pooled import PooledQueries
from pointsman.store.connect import translated
from pointsman.store.errors import ContentHiddenError
from pointsman.store.privacy.opening import Closed, masked_by, open_rows, value_of
from pointsman.store.privacy.sealed_record import RecordContent
from pointsman_schemas.claims import readable
from pointsman_schemas.jobs import JobRouted

#: Digits of an id's end that the index `audit.job_end` contains.
_INDEXED = 12

_Answer = TypeVar("_Answer", Step, Ended, Hops, JobState, TierCost, TierOutcomes)


class Jobs(PooledQueries):
    """Queries about jobs."""

    application = "pointsman.jobs"

    async def find_jobs(self, part: str, limit: int = 10) -> list[UUID]:
        """Return up to `limit` ids of jobs that begin or end with `part`: hexadecimal, dashes optional."""
        digits = part.replace("-", "").lower()
        if len(digits) > 32 or set(digits) - set("0123456789abcdef"):
            return []
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        end = digits[::-1][:_INDEXED]
        low, high = end.ljust(_INDEXED, "0"), end.ljust(_INDEXED, "f")
        rows = await self._ask("find_jobs", first, last, low, high, digits, limit)
        return [row["job_id"] for row in rows]

    async def timeline(self, job_id: UUID) -> list[Step]:
        """Return every message of the job, in order; empty if there is none."""
        steps = [_answer(Step, row) for row in await self._ask("timeline", job_id)]
        if self._master is None or not any(step.hidden for step in steps):
            return steps
        rows = await self._ask("sealed_of_job", job_id)
        with translated():
            async with self._pool.acquire() as connection:
                opened = await open_rows(connection, self._master, rows)
        contents = {
            (row["topic"], row["offset"], row["partition"]): content
            for row, content in zip(rows, opened, strict=True)
        }
        return [
            _with_content(step, contents.get((step.topic, step.offset, step.partition))) for step in steps
        ]

    async def hops(self, job_ids: Sequence[UUID]) -> list[Hops]:
        """Return the times of submission, routing and outcome of each of these jobs that is stored."""
        return [_answer(Hops, row) for row in await self._ask("hops", job_ids)]

    async def decision(self, job_id: UUID) -> Routed | None:
        """Return the latest decision about the job; None if it was never routed.

        Raises:
            ContentHiddenError: the decision was masked, or is sealed and cannot be opened.
        """
        for row in await self._ask("decision", job_id):
            origin, subject = (
                (row["topic"], row["partition"], row["offset"]),
                f"the decision about job {job_id}",
            )
            with translated():
                async with self._pool.acquire() as connection:
                    value = await value_of(connection, self._master, row, subject)
            try:
                return Routed(row["at"], *origin, JobRouted.model_validate_json(readable(value)), value)
            except ValidationError:
                if masked := masked_by(row["privacy"]):
                    raise ContentHiddenError(subject, f"cannot be shown: it was {masked}") from None
                raise
        return None

    async def outcome(self, job_id: UUID) -> Ended | None:
        """Return the job's outcome; None if it has not ended."""
        for row in await self._ask("outcome", job_id):
            return _answer(Ended, row)
        return None

    async def outcomes(self, job_ids: Sequence[UUID]) -> list[Ended]:
        """Return the outcomes of those of these jobs that have ended."""
        return [_answer(Ended, row) for row in await self._ask("outcomes_of", list(job_ids))]

    async def states(self, job_ids: Sequence[UUID]) -> list[JobState]:
        """Return a summary of each of these jobs that is stored, in order of submission."""
        return [_answer(JobState, row) for row in await self._ask("states", list(job_ids))]

    async def waiting_for_a_person(self, job_ids: Sequence[UUID]) -> list[UUID]:
        """Return those of these jobs whose case is undecided, in order of deadline."""
        return [row["job_id"] for row in await self._ask("waiting_for_a_person", list(job_ids))]

    async def cost_by_tier(self, since: datetime, job_ids: Sequence[UUID] | None = None) -> list[TierCost]:
        """Return the cost of the calls since `since` per tier, for all jobs or these."""
        ids = None if job_ids is None else list(job_ids)
        return [_answer(TierCost, row) for row in await self._ask("cost_by_tier", since, ids)]

    async def outcomes_by_tier(
        self, since: datetime, job_ids: Sequence[UUID] | None = None
    ) -> list[TierOutcomes]:
        """Count the outcomes since `since` per tier, for all jobs or these."""
        ids = None if job_ids is None else list(job_ids)
        return [_answer(TierOutcomes, row) for row in await self._ask("outcomes_by_tier", since, ids)]

    async def count_of(self, topics: Sequence[str]) -> dict[str, int]:
        """Count the stored records of each topic."""
        counted = {row["topic"]: row["rows"] for row in await self._ask("count_of", list(topics))}
        return {topic: counted.get(topic, 0) for topic in topics}


def _answer(kind: type[_Answer], row: asyncpg.Record) -> _Answer:
    values = {field.name: row[field.name] for field in fields(kind)}
    if values.get("payload") is not None:
        values["payload"] = orjson.loads(values["payload"])
    return kind(**values)


def _with_content(step: Step, content: RecordContent | Closed | None) -> Step:
    if content is None:
        return step
    if isinstance(content, Closed):
        return replace(step, hidden=content.value)
    try:
        return replace(step, hidden=None, payload=orjson.loads(content.value or b""))
    except orjson.JSONDecodeError:
        return replace(step, hidden=None)
