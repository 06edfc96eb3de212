"""How fast the audit database answers each of its questions, about single jobs and about a day."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import orjson

from pointsman.store.ask.asking import Question, questions
from pointsman.store.connect import Connection, connected

#: Time limits in milliseconds: for a question about one job, and for one about all jobs of a day.
LIMIT_JOB_MS = 20.0
LIMIT_DAY_MS = 2000.0


@dataclass(frozen=True, slots=True)
class Timed:
    """A measured question. `ms` is the median, `slowest_ms` the maximum, `read` the rows scanned."""

    name: str
    about: str
    sql: str
    ms: float
    slowest_ms: float
    rows: int
    read: int
    limit_ms: float

    @property
    def holds(self) -> bool:
        return self.slowest_ms <= self.limit_ms


@dataclass(frozen=True, slots=True)
class Size:
    """Rows and jobs in the database, in all and of the last day."""

    messages: int
    jobs: int
    day_messages: int
    day_jobs: int


async def measure(
    dsn: str, *, jobs: int, rounds: int, advance: Callable[[int], None]
) -> tuple[Size, list[Timed]]:
    """Ask every question: those about one job for `jobs` jobs, the others `rounds` times about the last day.

    Raises:
        StoreUnavailableError, StoreError: the database cannot be queried.
    """
    known_questions = await questions(dsn)
    async with connected(dsn) as connection:
        size = await _size(connection)
        some = await _some_jobs(connection, jobs)
        timed = []
        for question in known_questions:
            timed.append(await _time(connection, question, some, rounds))
            advance(1)
    return size, timed


async def _time(connection: Connection, question: Question, jobs: list[UUID], rounds: int) -> Timed:
    about_job = "JOB" in question.example
    if about_job:
        texts = [question.example.replace("JOB", str(job)) for job in jobs]
    else:
        texts = [re.sub(r"interval '(1 hour|7 days)'", "interval '1 day'", question.example)] * rounds
    await connection.fetch(texts[0])  # the first run, with cold caches, does not count
    spent, rows = [], 0
    for text in texts:
        started = perf_counter()
        rows = len(await connection.fetch(text))
        spent.append((perf_counter() - started) * 1000)
    plan = orjson.loads(await connection.fetchval(f"explain (analyze, timing off, format json) {texts[0]}"))
    limit = LIMIT_JOB_MS if about_job else LIMIT_DAY_MS
    return Timed(
        question.name, "a job" if about_job else "a day", texts[0], median(spent), max(spent), rows,
        _read(plan[0]["Plan"]), limit,
    )  # fmt: skip


def _read(plan: dict[str, Any]) -> int:
    """Return the number of rows that the scans of a plan returned."""
    own = 0
    if plan["Node Type"].endswith("Scan") and "Relation Name" in plan:
        own = int(plan["Actual Rows"] * plan["Actual Loops"])
    return own + sum(_read(part) for part in plan.get("Plans", ()))


async def _size(connection: Connection) -> Size:
    text = (files("pointsman.bench") / "audit_amount.sql").read_text(encoding="utf-8")
    row = await connection.fetchrow(text, timeout=600)
    assert row is not None
    return Size(*row)


async def _some_jobs(connection: Connection, jobs: int) -> list[UUID]:
    """Return random jobs from the whole table."""
    rows = await connection.fetch(
        "select job_id from audit.job tablesample system (1) order by random() limit $1", jobs
    )
    if len(rows) < jobs:  # sampled pages of a small table may be too few
        rows = await connection.fetch("select job_id from audit.job order by random() limit $1", jobs)
    return [row["job_id"] for row in rows]
