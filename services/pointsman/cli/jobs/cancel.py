"""`pointsman cancel`: stop a job."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Job, Json, Kafka, Key, Postgres, Prefix

if TYPE_CHECKING:
    from uuid import UUID

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def cancel(
    job: Job,
    *,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes on record.")] = "",
    agent: Annotated[
        str | None, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Who asks for it.")
    ] = None,
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    postgres: Postgres = None,
) -> None:
    """Stop a job that has no outcome yet.

    Returns as soon as the command is published. A running job ends with the outcome `cancelled`; a job
    that has ended does not change.
    """
    import asyncio

    from pointsman.cli import job_id, screen
    from pointsman.cli.key_file import read_key
    from pointsman.cli.settings import CliSettings, load
    from pointsman.client.client import Client
    from pointsman.store.ask.jobs import open_jobs

    settings = load(CliSettings, kafka=kafka, prefix=prefix, postgres=postgres)
    if len(reason) > 500:
        raise typer.BadParameter("--reason: at most 500 characters")

    signing_key = read_key(key)

    async def find() -> "UUID":
        whole = job_id.whole(job)
        if whole is not None:
            return whole  # needs no database
        async with open_jobs(settings.postgres) as jobs:
            return await job_id.find(jobs, job)

    async def work() -> "UUID":
        job_ids = await find()
        async with Client(kafka=settings, key=signing_key) as client:
            await client.cancel(job_ids, reason, agent_id=agent)
        return job_ids

    found = asyncio.run(work())
    if as_json:
        screen.print_json({"job_id": found, "reason": reason})
    else:
        screen.line(f"asked for {found} to stop; what came of it: pointsman trace {found}")
