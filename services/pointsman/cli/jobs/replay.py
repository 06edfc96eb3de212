"""`pointsman replay`: submit recorded jobs again, under new ids."""

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pointsman.cli.formats import count
from pointsman.cli.key_file import read_key
from pointsman.cli.options import Json, Key, Settings
from pointsman.cli.since import since as moment
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.client.replaying import Replayed


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
        Literal["completed", "failed", "rejected", "expired", "cancelled"] | None,
        typer.Option(help="Jobs with this outcome."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Only this reason, as `why` shows it: timeout, ...")
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
    from pointsman.claims.opened import closed_after, open_claim_check
    from pointsman.claims.settings import ClaimsPart
    from pointsman.cli.settings import load
    from pointsman.client.replaying import JobReplay
    from pointsman.store.ask.replayable import Wanted

    if dead and (outcome or tier or kind):
        raise typer.BadParameter("--dead goes with --since, --until, --agent and --reason only")
    now = datetime.now(UTC)
    selection = Wanted(
        moment(since, now), moment(until, now) if until else now, agent, tier, kind, outcome, reason
    )
    private, claim_check = read_key(key), open_claim_check(load(ClaimsPart))
    replaying = JobReplay(
        settings, settings.postgres, settings.master_key, claim_check, dead, rate, send, private
    )
    replayed = unreadable = 0
    async with closed_after(claim_check), aclosing(replaying.run(selection)) as jobs:
        async for job in jobs:
            _show(job, as_json=as_json)
            replayed += job.unreadable is None
            unreadable += job.unreadable is not None
            if replayed == number:
                break
    unreadable_note = f"; {unreadable:,} cannot be read as a job" if unreadable else ""
    if send:
        screen.note(f"{count(replayed, 'job')} replayed{unreadable_note}")
    elif replayed:
        screen.note(f"{count(replayed, 'job')} would be replayed{unreadable_note}; do it: add --send")
    else:
        screen.note(f"nothing to send{unreadable_note}")


def _show(job: "Replayed", *, as_json: bool) -> None:
    sent = job.sent
    place = "{}/{}@{}".format(*sent.origin)
    shown = {
        "replay_of": sent.job_id, "at": sent.at, "place": place, "outcome": sent.outcome,
        "reason": sent.reason, "job_id": job.job_id, "unreadable": job.unreadable,
    }  # fmt: skip
    became = " ".join(part for part in (sent.outcome or "open", sent.reason) if part)
    result = f"left out: {job.unreadable}" if job.unreadable else f"-> {job.job_id}" if job.job_id else ""
    line = f"{sent.at:%Y-%m-%d %H:%M:%S}  {sent.job_id or place}  {became}  {result}".rstrip()
    screen.report(shown, line, as_json=as_json, stream=True)
