"""`pointsman bench hop`: the router's hop beside hops that do nothing."""

from typing import Annotated

import typer

from pointsman.cli.command import command
from pointsman.cli.options import Json


@command
def hop(
    *,
    messages: Annotated[int, typer.Option(metavar="N", min=50_000, help="Messages for each hop.")] = 300_000,
    rounds: Annotated[int, typer.Option(metavar="N", min=1, help="Times; the median counts.")] = 3,
    seconds: Annotated[float, typer.Option(metavar="S", min=1, help="How long each steady rate lasts.")] = 15,
    as_json: Json = False,
) -> None:
    """Measure how close the router comes to Kafka's own speed.

    One broker, started for this and taken away again. The same 1.2 KB jobs go through hops that do nothing
    (aiokafka with batches built by hand, librdkafka) and through the router as it ships, exactly-once: by its
    rules, and with the learned score asked about each job.
    """
    from pointsman.bench.hop.run import run, tables
    from pointsman.cli import screen
    from pointsman.cli.bench.report import print_report

    report = run(messages, rounds, seconds, screen.note)
    print_report(report, tables, as_json=as_json)
