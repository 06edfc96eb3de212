"""`pointsman bench journey`: a job's complete path, its hops and its cost."""

from typing import Annotated

import typer

from pointsman.cli.options import Json


def journey(
    *,
    rate: Annotated[int, typer.Option(metavar="N", min=1, help="Jobs a second.")] = 100,
    seconds: Annotated[float, typer.Option(metavar="S", min=2, help="For how long.")] = 20,
    as_json: Json = False,
) -> None:
    """Measure how long a job takes end to end, and its CPU time.

    A broker, a database and every service are started for this and taken away again. The provider answers
    at once, so what is measured is ours: client, intake, router, worker, results, client, the audit on.
    """
    from pointsman.bench.journey import run, tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    report = run(rate, seconds, screen.note)
    print_report(report, tables, as_json=as_json)
