"""`pointsman replay`: recorded jobs, under new ids."""

from typing import Annotated

import typer

from pointsman.cli.command import command
from pointsman.cli.options import Json, Key, Settings


@command
async def replay(
    *,
    since: Annotated[str, typer.Option(metavar="WHEN", help="90m, 24h, 7d, or a time.")] = "24h",
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Jobs before this time; default: now.")
    ] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="Replay dead letters of the intake instead of jobs.")
    ] = False,
    outcome: Annotated[
        str | None, typer.Option(metavar="STATUS", help="completed, failed, rejected, expired, cancelled.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="As `why` has it: timeout, ...")
    ] = None,
    agent: Annotated[str | None, typer.Option(metavar="ID", help="Jobs of this agent.")] = None,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="Jobs that went to this tier.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Jobs of this task kind.")] = None,
    number: Annotated[
        int | None, typer.Option("--number", "-n", metavar="N", min=1, help="At most this many.")
    ] = None,
    rate: Annotated[float, typer.Option(metavar="N", min=0.1, help="Jobs a second.")] = 20,
    send: Annotated[bool, typer.Option("--send", help="Send them; without it they are only listed.")] = False,
    key: Key = None,
    as_json: Json = False,
    settings: Settings,
) -> None:
    """Replay recorded jobs, each under a new id.

    Without --send, only show what would be sent. A replayed job names the original in its metadata
    (replay_of) and is caused by the original's message, so trace and the audit database connect the two.
    Where agents must sign, replay the jobs of one --agent with its --key.
    """
    from datetime import UTC, datetime

    from pointsman.cli.jobs.replaying import replay_jobs
    from pointsman.cli.key_file import read_key
    from pointsman.cli.since import since as moment
    from pointsman.store.ask.replayable import Wanted

    if dead and (outcome or tier or kind):
        raise typer.BadParameter("--dead goes with --since, --until, --agent and --reason only")
    now = datetime.now(UTC)
    wanted = Wanted(
        moment(since, now), moment(until, now) if until else now, agent, tier, kind, outcome, reason
    )
    private = read_key(key)
    await replay_jobs(
        settings, wanted, dead=dead, number=number, rate=rate, send=send, as_json=as_json, key=private
    )
