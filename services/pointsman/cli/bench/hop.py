"""`pointsman bench hop`: the router compared with a hop that does nothing."""

from typing import Annotated

import typer

from pointsman.cli.options import Json


def hop(
    *,
    messages: Annotated[int, typer.Option(metavar="N", min=50_000, help="Messages for each hop.")] = 100_000,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="Times; the median counts.")] = 3,
    score: Annotated[
        bool, typer.Option("--score", help="Also with the learned score asked about each job.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure how close the router comes to what the wire allows.

    One broker, started for this and taken away again. The same 1.0 KB jobs go through a hop that does nothing
    (aiokafka with batches built by hand) and through the router as it ships, exactly-once, in turn. A ratio
    is the router's figure over that of the other hop in the same round.
    """
    from pointsman.bench.hop.run import run, tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    report = run(messages, rounds, ["rules", "score"] if score else ["rules"], screen.note)
    print_report(report, tables, as_json=as_json)
