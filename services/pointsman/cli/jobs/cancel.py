"""`pointsman cancel`: stop a job."""

from typing import Annotated

import typer

from pointsman.cli.key_file import read_key
from pointsman.cli.options import Job, Json, Key, Reason, Settings
from pointsman.runtime.terminal import screen


async def cancel(
    job: Job,
    *,
    reason: Reason = "",
    agent: Annotated[
        str | None, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Your id, or the agent's.")
    ] = None,
    key: Key = None,
    as_json: Json = False,
    settings: Settings,
) -> None:
    """Stop a job that has no outcome yet.

    Returns as soon as the command is published. A running job ends with the outcome `cancelled`; a job
    that has ended does not change.
    """
    from pointsman.cli import job_id
    from pointsman.client.client import Client

    if len(reason) > 500:
        raise typer.BadParameter("--reason: at most 500 characters")

    signing_key = read_key(key)
    full_id = await job_id.resolve(settings.postgres, job)
    async with Client(kafka=settings, key=signing_key) as client:
        await client.cancel(full_id, reason, agent_id=agent)
    text = f"asked for {full_id} to stop; what came of it: pointsman trace {full_id}"
    screen.report({"job_id": full_id, "reason": reason}, text, as_json=as_json)
