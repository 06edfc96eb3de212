"""`pointsman feedback`: how good an answer was."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Job, Json, Kafka, Postgres, Prefix

if TYPE_CHECKING:
    from uuid import UUID

app = typer.Typer(rich_markup_mode=None, add_completion=False)

#: What a person may say instead of a number.
WORDS = {"good": 1.0, "bad": 0.0}


@app.command()
def feedback(
    job: Job,
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help="good, bad, or a number from 0 to 1.")],
    *,
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes on record.")] = "",
    by: Annotated[
        str, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Who judges: you, or an agent.")
    ] = "",
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    postgres: Postgres = None,
) -> None:
    """Say how good a job's answer was.

    It goes on record with the job, for the score to learn from. Of each judge the last verdict counts.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.settings import CliSettings, load
    from pointsman.client.client import Client
    from pointsman.store.jobs import open_jobs
    from pointsman_schemas.base import AGENT_ID

    settings = load(CliSettings, kafka=kafka, prefix=prefix, postgres=postgres)
    value = read_verdict(verdict)
    if len(comment) > 2000:
        raise typer.BadParameter("--comment: at most 2000 characters")
    judge = by or _user()
    if not AGENT_ID.match(judge):
        raise typer.BadParameter("--by: at most 128 letters, digits and . _ : @ / -, no sign first")

    async def find() -> "tuple[UUID, str | None]":
        from pointsman.cli import job_id

        async with open_jobs(settings.postgres) as jobs:
            found = await job_id.find(jobs, job)
            return found, (await jobs.states([found]))[0].agent_id

    async def work() -> "UUID":
        found, agent = await find()
        async with Client(kafka=settings.kafka, prefix=settings.prefix) as client:
            await client.feedback(found, value, comment, by=judge, agent_id=agent)
        return found

    found = asyncio.run(work())
    if as_json:
        screen.print_json({"job_id": found, "verdict": value, "by": judge, "comment": comment})
    else:
        screen.line(f"{found}: {value:g} of 1 by {judge}")


def read_verdict(text: str) -> float:
    """The verdict that `text` means.

    Raises:
        typer.BadParameter: it means none.
    """
    try:
        value = WORDS[text.lower()] if text.lower() in WORDS else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise typer.BadParameter(f"{text!r} is no verdict: say good, bad, or a number from 0 to 1")
    return value


def _user() -> str:
    """Who sits here, as far as the machine can tell, in the letters that an id may have."""
    import getpass
    import re

    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return "user:" + (re.sub(r"[^A-Za-z0-9._-]", "-", name) or "unknown")
