"""An opinion file's metadata, read without the libraries that opinions need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.score.estimate import Bar
from pointsman.score.sealed import bars_of, unseal

FORMAT = "pointsman-opinion-1"


@dataclass(frozen=True)
class Card:
    """`version`: first 12 hex digits of the file's SHA-256. `beside`: version of the score it belongs to.

    `bars`: by required quality as written, for the mean of that score and this opinion.
    """

    name: str
    version: str
    tiers: tuple[str, ...]
    bars: Mapping[str, Bar] = field(repr=False)
    beside: str


def read_card(content: bytes) -> Card:
    """The card of the opinion that a file's bytes are.

    Raises:
        ModelFileError: they are none, or not as they were written.
    """
    return unseal(content, FORMAT, card_of)


def card_of(body: Mapping[str, Any], version: str) -> Card:
    """The card in an unsealed body."""
    return Card(
        name=str(body["name"]),
        version=version,
        tiers=tuple(map(str, body["tiers"])),
        bars=bars_of(body),
        beside=str(body["beside"]),
    )
