"""The limit that currently holds each tier, from its workers' metrics."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families

from pointsman.runtime.errors import CommandError

_METRIC = "pointsman_jobs_held"
_WITHIN_S = 5.0
#: Seconds between two scrapes; the processor's share is measured over this span.
_SPAN_S = 1.0
#: In order of priority: the first with waiting jobs holds the tier, as windows fill up behind waiting calls.
_FIRST = ("processor", "rate", "in_flight", "order_key", "window")


@dataclass(frozen=True, slots=True)
class TierHeld:
    """`by`: the limit that holds the tier, None if no job waits. `jobs`: waiting jobs by limit."""

    tier: str
    by: str | None
    jobs: dict[str, int]


async def tiers_held(workers: Sequence[str]) -> list[TierHeld]:
    """Query the workers' HTTP servers at these addresses; one result per tier. Takes a second.

    Raises:
        CommandError: an address does not answer, or is not a worker's.
    """
    if not workers:
        return []
    async with ClientSession(timeout=ClientTimeout(total=_WITHIN_S)) as session:
        await asyncio.gather(*(_metrics(session, url) for url in workers))
        await asyncio.sleep(_SPAN_S)
        return held_in(await asyncio.gather(*(_metrics(session, url) for url in workers)))


def held_in(metrics: Sequence[str]) -> list[TierHeld]:
    """Evaluate the metrics of each worker."""
    jobs: dict[str, dict[str, int]] = {}
    for text in metrics:
        for family in text_string_to_metric_families(text):
            for sample in family.samples if family.name == _METRIC else ():
                of_tier = jobs.setdefault(sample.labels["tier"], {})
                by = sample.labels["by"]
                of_tier[by] = of_tier.get(by, 0) + int(sample.value)
    return [
        TierHeld(tier, next((by for by in _FIRST if waiting.get(by)), None), waiting)
        for tier, waiting in sorted(jobs.items())
    ]


async def _metrics(session: ClientSession, url: str) -> str:
    try:
        async with session.get(f"{url.rstrip('/')}/metrics") as answer:
            answer.raise_for_status()
            text = await answer.text()
    except (ClientError, TimeoutError, ValueError) as error:
        raise CommandError(
            f"no worker answers at {url}: {error or type(error).__name__}",
            "--workers takes the addresses at which workers serve health and metrics",
        ) from error
    if _METRIC not in text:
        raise CommandError(f"{url} is not a worker", "--workers takes the addresses of workers' metrics")
    return text
