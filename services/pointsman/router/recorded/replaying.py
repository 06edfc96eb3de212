"""Feeds recorded jobs into a policy replay."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime

from pydantic import ValidationError

from pointsman.claims.whole_messages import WholeMessages
from pointsman.router.policy.replay import JobCost, PolicyReplay
from pointsman.store.ask.decisions import Decisions
from pointsman_schemas.jobs import JobRouted

#: Completes recorded messages with their stored values while inside.
Whole = AbstractAsyncContextManager[WholeMessages]
#: Gets a total and a label; yields a function to call with the size of each step.
Progress = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]


async def replay_jobs(
    replay: PolicyReplay, dsn: str, start: datetime, end: datetime, *, messages: Whole, progress: Progress
) -> None:
    """Decide again every job that was routed from `start` to `end`."""
    async with Decisions.opened(dsn) as decisions, messages as record:
        with progress(await decisions.count(start, end), "jobs decided again") as advance:
            async for page in decisions.between(start, end):
                for decided in page:
                    value, lost = await record.whole_value(JobRouted.TYPE, decided.value)
                    try:
                        routed = JobRouted.model_validate_json(value)
                    except ValidationError:  # written by another release, or erased
                        lost = "unreadable"
                    if lost is not None:
                        replay.unreadable += 1
                        continue
                    spent = None
                    if decided.tokens_in is not None and decided.tokens_out is not None:
                        cost = None if decided.unpriced else decided.cost_usd
                        spent = JobCost(decided.tokens_in, decided.tokens_out, cost)
                    replay.add(routed.job, routed.decision, spent)
                advance(len(page))
