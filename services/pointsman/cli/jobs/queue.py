"""`pointsman queue`: a job's place in the queue."""

import asyncio
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from pointsman.cli.formats import count, duration
from pointsman.cli.options import Job, Json, Settings
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.client.line import QueuePlace


async def queue(
    job: Job,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh every second until the job has ended.")
    ] = False,
    as_json: Json = False,
    settings: Settings,
) -> None:
    """Show a job's place in the queue, and which limit holds it up.

    --json gives {job_id, state, tier, before, exact, limit, limit_before, seconds}; state is unknown, ended,
    in_lane or limited. A partial id needs the audit database, a whole one does not.
    """
    from pointsman.cli import job_id
    from pointsman.client.line import standing

    full_id = await job_id.resolve(settings.postgres, job)
    while True:
        place = await standing(settings, settings.topics, full_id)
        screen.report(place, place_line(place), as_json=as_json, stream=watch)
        if not watch or place.state == "ended":
            return
        await asyncio.sleep(1)


def place_line(place: "QueuePlace") -> str:
    jobs = ("" if place.exact else "at most ") + count(place.before, "job")
    match place.state:
        case "unknown":
            return (
                "on no tier: not routed yet, with a person, or no such job -- see: "
                f"pointsman trace {place.job_id}"
            )
        case "ended":
            return (
                f"it has ended on {place.tier}, or gone on from there -- see: pointsman trace {place.job_id}"
            )
        case "in_lane":
            return f"on {place.tier}, {jobs} of its lane before it are not finished"
        case "limited":
            soon = "" if place.seconds is None else f", let in after {duration(place.seconds)} or more"
            calls = count(place.limit_before or 0, "call")
            return f"on {place.tier}, waits for {place.limit}: {calls} before it{soon}"
        case _:
            assert_never(place.state)
