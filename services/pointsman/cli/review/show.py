"""`pointsman review show`: one case."""

import typer

from pointsman.cli.options import Job, Json, Kafka, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def show(job: Job, *, as_json: Json = False, kafka: Kafka = None, prefix: Prefix = None) -> None:
    """Show a case: question, proposal, why it stopped, and what each choice does.

    --json gives {case, request, seen}: the case as it stands, what opened it, and its SHA-256.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.review.acting import find
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.reviews.case import case_lines
    from pointsman.client.reviews import read_cases
    from pointsman.runtime.clock import utc_now

    settings = load(CliSettings, kafka=kafka, prefix=prefix)
    known = find(asyncio.run(read_cases(settings, settings.topics)), job)
    if as_json:
        screen.print_json({"case": known.case, "request": known.request, "seen": known.seen or None})
        return
    for line in case_lines(known, utc_now()):
        screen.line(line)
