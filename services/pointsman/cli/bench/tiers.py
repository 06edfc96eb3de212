"""`pointsman bench tiers`: the isolation and scaling of tiers."""

from typing import Annotated

import typer

from pointsman.cli.options import Json


def tiers(
    *,
    rate: Annotated[float, typer.Option(metavar="N", min=1, help="Jobs a second to each other tier.")] = 20,
    seconds: Annotated[float, typer.Option(metavar="S", min=1, help="How long each part lasts.")] = 30,
    flood: Annotated[
        int, typer.Option(metavar="N", min=1, help="Jobs on the topic of the tier that hangs.")
    ] = 20_000,
    as_json: Json = False,
) -> None:
    """Measure whether a hanging tier disturbs the others, and whether a second worker doubles a tier.

    A broker, a database and every service are started for this and taken away again. First small and medium
    alone, then beside a frontier whose provider never answers and whose topic is full.
    """
    from pointsman.bench.tiers import TierLoad, run, tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    report = run(TierLoad(rate, seconds, flood), screen.note)
    print_report(report, tables, as_json=as_json)
