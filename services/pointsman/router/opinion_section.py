"""The `opinion` part of a policy's score: who is asked about undecided jobs, and how long it may take."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo

from pointsman.opinion.card import Card, read_card
from pointsman.router.named_files import beside, read_named
from pointsman.router.tier_names import context_of
from pointsman_schemas.base import Value
from pointsman_schemas.models import NamedModel


@dataclass(frozen=True, slots=True)
class OpinionFile:
    """An opinion's bytes, and what they say of themselves; the router itself needs no more."""

    content: bytes
    sha256: str
    card: Card

    @classmethod
    def of(cls, content: bytes) -> "OpinionFile":
        """The opinion that these bytes are.

        Raises:
            OpinionFileError: they are none.
        """
        return cls(content, hashlib.sha256(content).hexdigest(), read_card(content))

    @property
    def named(self) -> NamedModel:
        """What the record calls it."""
        return NamedModel(name=self.card.name, version=self.card.version, sha256=self.sha256)


#: The opinion that a policy calls by this name; raises OSError and OpinionFileError.
ReadOpinion = Callable[[str], OpinionFile]


def read_opinion_beside(policy: Path) -> ReadOpinion:
    """Reads them by their path relative to the policy's."""
    return beside(policy, OpinionFile.of, "pointsman.opinion", "models/general.json")


def _model(written: Any, info: ValidationInfo) -> OpinionFile:
    read: ReadOpinion = context_of(info).get("read_opinion") or read_opinion_beside(Path())
    return read_named(written, read, "opinion")


class OpinionSection(Value):
    """Who gives a second opinion. The file's content is part of the policy's version, its path is not."""

    model: Annotated[OpinionFile, PlainValidator(_model), PlainSerializer(lambda file: file.sha256, str)]
    band: float = Field(
        default=0.05, gt=0, le=1, description="a job is undecided when a comparison hung by no more than this"
    )
    wait_s: float = Field(
        default=60, gt=0, description="a job that waited longer goes to the fallback without an opinion"
    )
