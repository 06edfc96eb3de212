"""`pointsman trace`: a job's path, from the audit database."""

from typing import Annotated

import typer

from pointsman.cli.options import Job, Json, RecordSettings
from pointsman.runtime.terminal import screen


async def trace(
    job: Job,
    *,
    full: Annotated[bool, typer.Option("--full", help="Print each message's whole payload.")] = False,
    as_json: Json = False,
    settings: RecordSettings,
) -> None:
    """Show a job's path: each message, its lane, and the time since the start.

    A dotted line is waiting time, a solid line a provider call, a dot a message. A lane is
    topic/partition@offset.
    """
    from pointsman.cli import job_id
    from pointsman.cli.large_values import on_record, whole_steps
    from pointsman.store.ask.jobs import Jobs

    async with Jobs.opened(settings.postgres, settings.master_key) as jobs, on_record() as record:
        full_id = await job_id.find(jobs, job)
        state = (await jobs.states([full_id]))[0]
        steps = await whole_steps(await jobs.timeline(full_id), record)
    if as_json:
        screen.print_json({"job": state, "steps": steps})
        return
    from rich.text import Text

    from pointsman.cli.show.story import headline, payloads, story, where_it_waits
    from pointsman.cli.show.waterfall import waterfall

    width = screen.console().width if screen.on_terminal() else 100
    screen.show(headline(state), Text(), waterfall(story(steps, settings.topics), width))
    if full:
        screen.show(payloads(steps, settings.topics))
    if state.finished_at is None and state.state != "dead":
        screen.note(f"no outcome on record yet; {where_it_waits(steps)}")
    elif screen.on_terminal() and state.rule:
        screen.note(f"why {state.tier}? pointsman why {state.job_id}")
