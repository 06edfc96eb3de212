"""`pointsman report`: a job's full history on one page."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pointsman.cli.formats import moment
from pointsman.cli.options import Job, RecordSettings
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.cli.page.page import Page


async def report(
    job: Job,
    *,
    written_as: Annotated[
        Literal["md", "html"] | None, typer.Option("--format", help="md unless --output ends in .html.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead of stdout."),
    ] = None,
    no_payloads: Annotated[
        bool, typer.Option("--no-payloads", help="Leave prompts, requests and answers out.")
    ] = False,
    settings: RecordSettings,
) -> None:
    """Write a job's full history on one page, for an incident report.

    Covers the request, the routing decision, the timing, each call, the outcome, who acted, what changed
    before, and what failures at that time had in common.
    """
    kind = written_as or ("html" if output is not None and output.suffix in (".html", ".htm") else "md")
    if kind == "html" and output is None and screen.on_terminal():
        raise CommandError("HTML is not for a terminal", "add --output report.html", code=2)
    dsn = settings.postgres
    page = await _gather(dsn, job, payloads=not no_payloads)
    if kind == "html":
        from pointsman.cli.page.html import html as write
    else:
        from pointsman.cli.page.markdown import markdown as write
    text = write(page)
    if output is None:
        screen.line(text.rstrip("\n"))
        return
    output.write_text(text, encoding="utf-8")
    screen.note(f"wrote {output}")


async def _gather(dsn: str, job: str, *, payloads: bool) -> "Page":
    from pointsman.cli import job_id
    from pointsman.cli.large_values import on_record, whole_ended, whole_steps
    from pointsman.cli.page.gather import asking, page_of
    from pointsman.cli.page.large import with_large
    from pointsman.store.ask.jobs import Jobs
    from pointsman.store.connect import place

    async with Jobs.opened(dsn) as jobs, on_record() as record:
        full_id = await job_id.find(jobs, job)
        state, ended, ask = (
            (await jobs.states([full_id]))[0],
            await jobs.outcome(full_id),
            asking(dsn, full_id),
        )
        if payloads:
            ended = await whole_ended(ended, record)
            ask = with_large(ask, await whole_steps(await jobs.timeline(full_id), record))
    footer = f"Written {moment(datetime.now(UTC))} from {place(dsn)}. All times are UTC, costs US dollars."
    return await page_of(ask, state, ended, payloads=payloads, footer=footer)
