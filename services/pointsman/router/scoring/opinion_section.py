"""The `opinion` part of a policy's score: the model for undecided jobs, and how long it may take."""

from collections.abc import Callable
from typing import Annotated

from pydantic import Field, PlainValidator

from pointsman.opinion.card import Card, read_card
from pointsman.router.policy.named_files import BY_CONTENT, FileKind, NamedFile
from pointsman_schemas.base import Value

#: An opinion model's bytes and its card, which is all that the router needs.
OpinionFile = NamedFile[Card]
#: Reads the opinion model that a policy names; raises OSError and ModelFileError.
ReadOpinion = Callable[[str], OpinionFile]
OPINION = FileKind("opinion", read_card, "pointsman.opinion", "models/general.json", "read_opinion")


class OpinionSection(Value):
    """The second opinion's settings. The file's content is part of the policy's version, its path is not."""

    model: Annotated[OpinionFile, PlainValidator(OPINION.named), BY_CONTENT]
    band: float = Field(
        default=0.05, gt=0, le=1, description="the job is undecided if a comparison differed by at most this"
    )
    wait_s: float = Field(
        default=60, gt=0, description="after this wait a job goes to the fallback without an opinion"
    )
