"""`pointsman bench audit`: the audit's write rate compared with psql's `\\copy`."""

from typing import Annotated

import typer

from pointsman.cli.options import Json


async def audit(
    *,
    rows: Annotated[int, typer.Option(metavar="N", min=2_000, help="Messages for each round.")] = 100_000,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="Times; the median counts.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure how fast the audit stores rows, beside psql's `\\copy` of the same rows.

    On a Postgres that is started for this and deleted afterwards. The sink begins with records as they come
    from Kafka, in batches of 2,000, and commits each with chain, summary and positions; `\\copy` begins with
    finished rows in a file, goes into the same table with the same indexes and commits once.
    """
    from pointsman.bench.audit import lines, run
    from pointsman.bench.audit_messages import shipped
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    report = await run(*shipped(), rows=rows, rounds=rounds, say=screen.note)
    print_report(report, lines, as_json=as_json)
