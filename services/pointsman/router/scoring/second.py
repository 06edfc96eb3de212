"""The second opinion's part of a decision: when it is asked for, and how it is recorded and read back; pure.

Invariants:
- No opinion is asked on a text that the score does not know: the fallback has decided already.
- An opinion that is not a number is ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from pointsman.opinion.card import Card
from pointsman.router.policy.checks import check_of
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.score.choose import Compared
from pointsman.score.estimate import Bar, Estimate
from pointsman_schemas.decisions import Check, Decision, SecondOpinion

#: Names of checks: the score is undecided; why there is no opinion although one was wanted.
UNDECIDED, NONE = "undecided", "no-opinion"


@dataclass(frozen=True, slots=True)
class Second:
    """A second opinion compiled for one policy. `bar`: for the mean of the score and the opinion."""

    card: Card
    sha256: str
    bar: Bar
    band: float
    wait_s: float

    @classmethod
    def compile(cls, file: PolicyFile) -> "Second | None":
        """Compile a policy file's second opinion; None if it has none."""
        section = None if file.score is None else file.score.opinion
        if file.score is None or section is None:
            return None
        card = section.model.model
        return cls(card, section.model.sha256, card.bars[file.score.quality], section.band, section.wait_s)

    @property
    def name(self) -> str:
        """Its name in decisions."""
        return f"{self.card.name}@{self.card.version}"

    def asks(self, compared: Sequence[Compared]) -> Check | None:
        """Return the check that names an undecided comparison; None if there is none."""
        for comparison in compared:
            hung = abs(comparison.sufficient - comparison.required)
            if hung <= self.band:
                text = f"{comparison.tier} hung by {hung:.4f} <= {self.band:.4f}: a second opinion decides"
                return check_of("score", UNDECIDED, False, text)
        return None

    def on_record(self, estimate: Estimate) -> SecondOpinion | None:
        """Return the opinion as recorded in a decision; None if a number is not finite."""
        if not all(map(isfinite, (*estimate.sufficient, *estimate.better, *estimate.cost))):
            return None
        return SecondOpinion(
            model=self.name, sufficient=estimate.sufficient, better=estimate.better, cost=estimate.cost
        )


def recorded(opinion: SecondOpinion) -> Estimate:
    """Return the estimate of a recorded opinion."""
    return Estimate(opinion.sufficient, opinion.better, opinion.cost, 1.0)


def missing(why: str) -> Check:
    """Return the check that says why there is no opinion; the fallback decides."""
    return check_of("score", NONE, False, f"{why}: the fallback decides")


def is_undecided(decision: Decision) -> bool:
    """Whether a second opinion is to decide."""
    names = {check.name for check in decision.checks if check.layer == "score"}
    return UNDECIDED in names and NONE not in names
