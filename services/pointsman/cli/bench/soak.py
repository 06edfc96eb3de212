"""`pointsman bench soak`: check for loss, duplicates and memory growth under random failures."""

from typing import Annotated

import typer

from pointsman.cli.options import Json


def soak(
    *,
    minutes: Annotated[float, typer.Option(metavar="N", min=0.05, help="How long.")] = 20,
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", min=1, help="Jobs a second; else half of what a burst is done at."),
    ] = None,
    every: Annotated[float, typer.Option(metavar="S", min=1, help="An accident so often, on average.")] = 15,
    seed: Annotated[int, typer.Option(metavar="N", help="What accidents and jobs are drawn from.")] = 1,
    as_json: Json = False,
) -> int:
    """Run steady load while processes, broker and database are killed or frozen; then compare both logs.

    Everything is started for this and taken away again. A freeze lasts longer than the session, so that
    another process has taken over when the first wakes. At the end every job must have one outcome, every
    record of every topic must be in the audit once with the same key, value, headers and time, and the hash
    chains must hold. Exit 1 if anything is lost, comes twice or does not fit.
    """
    from pointsman.bench.soak.run import Plan, run, tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    report = run(Plan(minutes, rate, every, seed), screen.note)
    print_report(report, tables, as_json=as_json)
    return 0 if report.sound else 1
