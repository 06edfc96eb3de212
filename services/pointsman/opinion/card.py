"""The metadata of an opinion file, read without the libraries that opinions need."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.score.estimate import Bar
from pointsman.score.sealed import bars_of, unseal

FORMAT = "pointsman-opinion-1"


@dataclass(frozen=True)
class Card:
    """The metadata of an opinion. `version` is the first 12 hex digits of the file's SHA-256.

    `score_version` is that of the score that it belongs to. `bars`, by required quality, are tuned for the
    mean of that score and this opinion.
    """

    name: str
    version: str
    tiers: tuple[str, ...]
    bars: Mapping[str, Bar] = field(repr=False)
    score_version: str


def read_card(content: bytes) -> Card:
    """Return the metadata in an opinion file's bytes.

    Raises:
        ModelFileError: the bytes are no opinion file, or were changed.
    """
    return unseal(content, FORMAT, card_of)


def card_of(body: Mapping[str, Any], version: str) -> Card:
    """Return the metadata in an unsealed file's body."""
    return Card(
        name=str(body["name"]),
        version=version,
        tiers=tuple(map(str, body["tiers"])),
        bars=bars_of(body),
        score_version=str(body["beside"]),
    )
