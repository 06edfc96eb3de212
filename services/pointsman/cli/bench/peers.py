"""Options that name other gateways to measure."""

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
    """Return a peer per URL, each with all headers (`NAME: VALUE`). Raises BadParameter for a bad header."""
    from pointsman.bench.whole.peer import Peer

    pairs = [header.partition(":") for header in headers]
    if wrong := next((name for name, colon, _ in pairs if not (name.strip() and colon)), None):
        raise typer.BadParameter(f"`{wrong}` is no `NAME: VALUE`", param_hint="--peer-header")
    return [Peer(url, {name.strip(): value.strip() for name, _, value in pairs}) for url in urls]
