"""The evidence from which a confidence is read, and the reading."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman_schemas.base import Json
from pointsman_schemas.cascades import CascadePlan, CascadeStep
from pointsman_schemas.decisions import Score
from pointsman_schemas.jobs import ChatRequest


@dataclass(frozen=True, slots=True)
class ConfidenceEvidence:
    """The evidence about a job. `score`: of the routing decision; the rest exists only after an answer.

    `response`: the provider's body, by `tier`; `steps`: the steps of its cascade, in order.
    """

    score: Score | None = None
    request: ChatRequest | None = None
    response: Json | None = None
    tier: str | None = None
    cascade: CascadePlan | None = None
    steps: Sequence[CascadeStep] = ()


@dataclass(frozen=True, slots=True)
class ConfidenceReading:
    """A confidence, verbatim; `missing`: why there is none."""

    value: object = None
    missing: str = ""


def choices_of(response: Json | None) -> list[Json]:
    """Return the choices of a chat completion that have a message; none if the body has another form."""
    choices = response.get("choices") if isinstance(response, dict) else None
    if not isinstance(choices, list):
        return []
    return [
        choice for choice in choices if isinstance(choice, dict) and isinstance(choice.get("message"), dict)
    ]
