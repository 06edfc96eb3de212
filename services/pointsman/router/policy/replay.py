"""Decides recorded jobs by another policy: which would move, at what cost and quality.

Costs use the recorded tokens, though another model would have written more or fewer. A cascade's cost depends
on answers that do not exist, so a job that moves to or from a cascade, or between cascades, has no price.
Whether a person would be asked is known for the routing; for an answer, only that it has a threshold.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from pointsman.confidence.reading import ConfidenceEvidence
from pointsman.confidence.review import review_of
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import SHADOW
from pointsman.router.policy.recompute import decide_again
from pointsman.router.policy.tier_names import CASCADE
from pointsman.score.text import text_of
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job

#: Returns the US dollars for input and output tokens on a tier; None if the price is unknown.
Price = Callable[[str, int, int], Decimal | None]


@dataclass(frozen=True, slots=True)
class JobCost:
    """The tokens and cost of a job's calls. `cost_usd`: None if unknown or without a call."""

    tokens_in: int
    tokens_out: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A job that would go elsewhere. `before`, `after`: names of rules."""

    job_id: UUID
    from_tier: str
    to_tier: str
    before: str
    after: str
    reason: str
    gist: str


@dataclass(slots=True)
class PolicyReplay:
    """Add jobs one by one, then read the totals.

    Costs are US dollars of the `priced` jobs, whose price is known on both sides. `sufficient_*`: sums over
    the `scored` jobs of the probability that the answer is at least as good as the strongest tier's.
    `stopped`: would wait for a person before they are done; `held`: their answers have thresholds.
    """

    policy: Policy
    price: Price
    examples: int = 5
    jobs: int = 0
    unreadable: int = 0
    undecidable: int = 0
    tiers_before: Counter[str] = field(default_factory=Counter)
    tiers_after: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    moved: dict[tuple[str, str], list[Moved]] = field(default_factory=dict)
    priced: int = 0
    unpriced: int = 0
    cost_before: Decimal = Decimal(0)
    cost_after: Decimal = Decimal(0)
    scored: int = 0
    in_doubt: int = 0
    sufficient_before: float = 0.0
    sufficient_after: float = 0.0
    stopped: int = 0
    held: int = 0

    def add(self, job: Job, decision: Decision, spent: JobCost | None) -> None:
        """Decide `job`, recorded with `decision`, by the other policy; shadows do not count."""
        if decision.rule == SHADOW:
            return
        try:
            recomputed = decide_again(self.policy, job, decision)
        except ValueError:  # the other policy has none of the agent's tiers
            self.undecidable += 1
            return
        self.jobs += 1
        way = (target(decision), target(recomputed))
        self.tiers_before[way[0]] += 1
        self.tiers_after[way[1]] += 1
        if way[0] != way[1]:
            self._move(job, decision, recomputed)
        self._cost(*way, spent, judged_alike=decision.cascade == recomputed.cascade)
        self._quality(job, *way)
        self._review(recomputed)

    def _move(self, job: Job, decision: Decision, recomputed: Decision) -> None:
        way = (target(decision), target(recomputed))
        self.moves[way] += 1
        shown = self.moved.setdefault(way, [])
        if len(shown) < self.examples:
            gist = text_of(job.request.messages[-1:])[:200]
            shown.append(Moved(job.job_id, *way, decision.rule, recomputed.rule, recomputed.reason, gist))

    def _review(self, recomputed: Decision) -> None:
        routing = review_of(recomputed.review, "routing", ConfidenceEvidence(score=recomputed.score))
        self.stopped += routing.stop is not None
        thresholds = () if recomputed.review is None else recomputed.review.thresholds
        self.held += any(threshold.of == "answer" for threshold in thresholds)

    def _cost(self, before: str, after: str, spent: JobCost | None, *, judged_alike: bool) -> None:
        if spent is None:
            return  # no call was made
        cost = spent.cost_usd
        if before != after or not judged_alike:
            is_comparable = CASCADE not in (before, after)
            cost = self.price(after, spent.tokens_in, spent.tokens_out) if is_comparable else None
        if cost is None or spent.cost_usd is None:
            self.unpriced += 1
            return
        self.priced += 1
        self.cost_before += spent.cost_usd
        self.cost_after += cost

    def _quality(self, job: Job, before: str, after: str) -> None:
        sufficient = self.policy.scorer.sufficient(text_of(job.request.messages))
        if sufficient is None:
            self.in_doubt += self.policy.scorer.model is not None
        elif before in sufficient and after in sufficient:
            self.scored += 1
            self.sufficient_before += sufficient[before]
            self.sufficient_after += sufficient[after]


def target(decision: Decision) -> str:
    """Return the tier of a decision; `cascade` if the tier of its answer is open."""
    return decision.tier if decision.cascade is None else CASCADE
