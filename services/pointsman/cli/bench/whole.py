"""`pointsman bench whole`: throughput, latency and cost at several levels of load, compared with others."""

from typing import Annotated

import typer

from pointsman.cli.bench.peers import PeerHeaders, PeerUrls, peers_of
from pointsman.cli.options import Json


def whole(
    *,
    outstanding: Annotated[
        str, typer.Option(metavar="N,...", help="Jobs outstanding at any time, for the limit.")
    ] = "256,1000",
    rates: Annotated[str, typer.Option(metavar="N,...", help="Steady rates, jobs a second.")] = "20,100,300",
    seconds: Annotated[float, typer.Option(metavar="S", min=2, help="For how long at each level.")] = 10,
    baseline: Annotated[bool, typer.Option(help="Measure a plain FastStream application too.")] = True,
    peer: PeerUrls = [],  # noqa: B006 -- typer's way
    peer_header: PeerHeaders = [],  # noqa: B006
    jvm_flags: Annotated[
        str, typer.Option(metavar="FLAGS", help="More flags for the broker's JVM, such as -XX:+UseG1GC.")
    ] = "",
    separate: Annotated[
        bool, typer.Option("--separate", help="A process for each service, instead of one for most.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure a job's whole path at the limit and at steady rates, beside what others do.

    A broker, a database, every service and a provider that answers at once are started for this and taken
    away again; they are measured without a job first. Jobs go by a bare producer to the intake, results come
    by a bare consumer. The baseline does the same on the same broker and database without any guarantee.
    Compare within one run only.
    """
    from pointsman.bench.whole.load import Level
    from pointsman.bench.whole.run import run
    from pointsman.bench.whole.tables import tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    levels = [Level(outstanding=number) for number in numbers(outstanding, "--outstanding")]
    levels += [Level(rate=number) for number in numbers(rates, "--rates")]
    if not levels:
        raise typer.BadParameter("give a level: --outstanding or --rates")
    results = run(
        levels,
        seconds,
        screen.note,
        baseline=baseline,
        others=peers_of(peer, peer_header),
        jvm_flags=jvm_flags.split(),
        separate=separate,
    )
    print_report(results, tables, as_json=as_json)


def numbers(text: str, option: str) -> list[int]:
    """Parse positive integers separated by commas. Raises BadParameter for anything else."""
    try:
        numbers = [int(number) for number in text.split(",") if number.strip()]
    except ValueError:
        numbers = [0]
    if any(number < 1 for number in numbers):
        raise typer.BadParameter(f"{text!r} is no list of numbers above 0, such as 20,100", param_hint=option)
    return numbers
