"""`pointsman bench gateway`: the gateway compared with the provider itself and with other gateways."""

from typing import Annotated

import typer

from pointsman.cli.bench.peers import PeerHeaders, PeerUrls, peers_of
from pointsman.cli.bench.whole import numbers
from pointsman.cli.options import Json


def gateway(
    *,
    outstanding: Annotated[
        str, typer.Option(metavar="N,...", help="Requests outstanding at any time, for the limit.")
    ] = "64,256",
    rates: Annotated[str, typer.Option(metavar="N,...", help="Steady rates, requests a second.")] = "20,100",
    streams: Annotated[
        str, typer.Option(metavar="N,...", help="Streams open at any time, of a third of a second each.")
    ] = "1000",
    seconds: Annotated[float, typer.Option(metavar="S", min=2, help="For how long at each level.")] = 10,
    peer: PeerUrls = [],  # noqa: B006 -- typer's way
    peer_header: PeerHeaders = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Measure whole answers and streams by the gateway, with everything on, and by the provider itself.

    A broker, a database, every service, the audit among them, and a provider that answers at once are started
    for this and taken away again. Of streams, which come at 20 a second too, the time until the first piece
    is taken. Compare within one run only.
    """
    from pointsman.bench.whole.load import Level
    from pointsman.bench.whole.run import run_gateway
    from pointsman.bench.whole.tables import tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    levels = [Level(outstanding=number) for number in numbers(outstanding, "--outstanding")]
    levels += [Level(rate=number) for number in numbers(rates, "--rates")]
    open_streams = [Level(rate=20), *(Level(outstanding=number) for number in numbers(streams, "--streams"))]
    results = run_gateway(levels, open_streams, seconds, screen.note, others=peers_of(peer, peer_header))
    print_report(results, tables, as_json=as_json)
