"""`pointsman review list`: the waiting cases."""

from typing import Annotated

import typer

from pointsman.cli.options import BusSettings, Json
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


async def list(
    *,
    queue: Annotated[str, typer.Option(metavar="QUEUE", help="Only cases of this queue.")] = "",
    ended: Annotated[bool, typer.Option("--ended", help="Also cases that ended recently.")] = False,
    as_json: Json = False,
    settings: BusSettings,
) -> None:
    """List the waiting cases, the earliest deadline first.

    --json gives [{job_id, agent_id, revision, status, queue, deadline, claim, decisions, stop, ...}].
    """
    from pointsman.cli.show.case import cases_table, cases_waiting
    from pointsman.client.reviews import read_cases

    all_cases = (await read_cases(settings, settings.topics)).all
    cases = cases_waiting(all_cases, queue)
    if ended:
        cases = [case for case in all_cases if queue in ("", case.queue)]
    if cases or as_json:
        screen.report(cases, cases_table(cases, utc_now()), as_json=as_json)
    else:
        screen.note("no case waits" + (f" in queue {queue}" if queue else ""))
