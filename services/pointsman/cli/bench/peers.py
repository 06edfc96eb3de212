"""The options by which other gateways are measured too."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pointsman.bench.whole.peer import Peer

PeerUrls = Annotated[
    list[str],
    typer.Option(
        metavar="URL",
        help="Base URL of another gateway to measure too, such as http://host:4000/v1; may be given again.",
    ),
]
PeerHeaders = Annotated[
    list[str],
    typer.Option(metavar="'NAME: VALUE'", help="A header that peers are sent; may be given again."),
]


def peers_of(urls: Sequence[str], headers: Sequence[str]) -> "list[Peer]":
    """Raises: BadParameter."""
    from pointsman.bench.whole.peer import peers

    try:
        return peers(urls, headers)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--peer-header") from None
