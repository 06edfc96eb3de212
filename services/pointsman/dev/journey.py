"""The sample jobs' way through the running system, watched from the audit database."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rich.console import Console
from rich.live import Live
from rich.table import Table

from pointsman.bus.lag import lag, lanes
from pointsman.client import Client
from pointsman.dev import samples
from pointsman.dev.board import Board
from pointsman.store.answers import JobState
from pointsman.store.jobs import Jobs, open_jobs
from pointsman_schemas.topics import Topics

#: How long the sample jobs may take before `--once` gives up, seconds.
PATIENCE_S = 120.0

#: A completed job has at least these on record: submitted, routed, one call, the outcome.
_LEAST_ROWS = 4
_ENDED = {"completed", "failed", "rejected", "expired", "cancelled"}


async def publish_samples(kafka: str) -> list[UUID]:
    """Publish the shipped jobs; returns their ids."""
    async with Client(kafka=kafka) as client:
        return await client.publish_many(samples.load())


async def watch(
    kafka: str, postgres: str, tiers: Sequence[str], job_ids: Sequence[UUID], console: Console
) -> list[str]:
    """Show the jobs travel until each one has its outcome; returns what is missing after PATIENCE_S."""
    topics = Topics()
    names = [topic.name for topic in topics.all(tiers)]
    watched = lanes(topics, tiers)
    board = Board.empty(topics.prefix)
    give_up = time.monotonic() + PATIENCE_S
    async with open_jobs(postgres) as jobs:
        with Live(console=console, transient=False, auto_refresh=False) as live:
            while True:
                lags, counts = await asyncio.gather(lag(kafka, watched), jobs.count_of(names))
                if console.is_terminal:
                    live.update(board.draw(lags, counts), refresh=True)
                missing = _missing(job_ids, await jobs.states(job_ids))
                if not missing or time.monotonic() > give_up:
                    break
                await asyncio.sleep(0.25)
            if not console.is_terminal:
                live.update(board.draw(lags, counts), refresh=True)
        console.print()
        console.print(await _summary(jobs, job_ids))
    return missing


def _missing(job_ids: Sequence[UUID], states: Sequence[JobState]) -> list[str]:
    found = {state.job_id: state for state in states}
    missing = []
    for job_id in job_ids:
        state = found.get(job_id)
        if state is None or state.state not in _ENDED:
            missing.append(f"job {job_id} has no outcome on record")
        elif state.state == "completed" and state.messages < _LEAST_ROWS:
            missing.append(f"job {job_id} has only {state.messages} messages on record")
    return missing


async def _summary(jobs: Jobs, job_ids: Sequence[UUID]) -> Table:
    since = datetime.now(UTC) - timedelta(days=1)
    costs = {each.tier: each for each in await jobs.cost_by_tier(since, job_ids)}
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("tier")
    table.add_column("outcome")
    for name in ("jobs", "calls", "tokens in", "tokens out", "cost"):
        table.add_column(name, justify="right")
    for ended in await jobs.outcomes_by_tier(since, job_ids):
        cost = costs.pop(ended.tier, None)
        table.add_row(
            ended.tier or "(not routed)",
            ended.status + (f": {ended.error_type}" if ended.error_type else ""),
            str(ended.jobs),
            *(
                (
                    str(cost.calls),
                    f"{cost.tokens_in or 0:,}",
                    f"{cost.tokens_out or 0:,}",
                    _dollars(cost.cost_usd),
                )
                if cost
                else ("", "", "", "")
            ),
        )
    return table


def _dollars(amount: object) -> str:
    return "unknown" if amount is None else f"${amount:.6f}"
