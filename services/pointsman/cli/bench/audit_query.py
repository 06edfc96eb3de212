"""`pointsman bench audit-query`: the response times of the audit database."""

from typing import Annotated

import typer

from pointsman.cli.options import Json, RecordSettings


async def audit_query(
    *,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Jobs that each question is asked about.")
    ] = 20,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="Times that a day is asked about.")] = 3,
    as_json: Json = False,
    settings: RecordSettings,
) -> int:
    """Run every query that the audit database lists, and show how long each took.

    Its own examples, about jobs from all over the table and about the last day. Exit 1 where an answer
    took more than 20 ms for a job or 2 s for a day. `rows read` are those that the plan's scans gave.
    """
    from pointsman.bench.audit_query import measure
    from pointsman.cli.show.answer import table
    from pointsman.runtime.terminal import screen

    with screen.progress(25, "questions") as advance:
        size, timed = await measure(settings.postgres, jobs=jobs, rounds=rounds, advance=advance)
    columns = ("question", "about", "median ms", "slowest ms", "limit ms", "rows", "rows read", "holds")
    rows = [
        (timing.name, timing.about, round(timing.ms, 1), round(timing.slowest_ms, 1), timing.limit_ms,
         timing.rows, timing.read, timing.holds)
        for timing in timed
    ]  # fmt: skip
    text = (
        f"{size.messages:,} messages of {size.jobs:,} jobs;"
        f" the last day has {size.day_messages:,} messages of {size.day_jobs:,} jobs"
    )
    shown = table(columns, rows, screen.console().width)
    screen.report({"size": size, "questions": timed}, text, shown, as_json=as_json)
    return 0 if all(timing.holds for timing in timed) else 1
