"""Whether the answers that people judged are as good as the score promised; if not, the fallback decides.

Invariants:
- What was found is a rung of the decisions it touched, so that each can be made again without this object.
- It does not come back by itself: the fallback's answers say nothing about the tiers that the score would
  choose. A router that starts, with a new model or the same one, begins anew.
"""

import logging
from collections import OrderedDict
from uuid import UUID

from pointsman.router.rungs import rung
from pointsman.runtime.logging import event
from pointsman.score.promise import promise
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.feedback import JobFeedback

log = logging.getLogger(__name__)

NAME = "promise"
#: Verdicts come late, and on few of the answers; of those the last count.
REMEMBERED, KEPT = 20_000, 300


class Promises:
    """One process's, over all its lanes. `strongest`: the tier that the others are held against."""

    def __init__(self, strongest: str) -> None:
        self._strongest = strongest
        #: What was promised of a job's answer; None of one by the strongest tier.
        self._made: OrderedDict[UUID, float | None] = OrderedDict()
        #: The verdicts on it, by judge.
        self._judged: OrderedDict[UUID, tuple[float | None, dict[str, float]]] = OrderedDict()
        #: The rung for jobs that would be scored, once the score has promised too much.
        self.found: Check | None = None

    def made(self, job_id: UUID, decision: Decision) -> None:
        """Remember what the score promised of an answer."""
        if decision.score is None or decision.cascade is not None:
            return
        self._made[job_id] = None if decision.tier == self._strongest else decision.score.sufficient
        if len(self._made) > REMEMBERED:
            self._made.popitem(last=False)

    def judged(self, feedback: JobFeedback) -> None:
        """Hear a verdict; the last of each judge counts, and of several judges the mean."""
        if feedback.job_id not in self._made:
            return  # another process decided it, or it is long ago
        _, verdicts = self._judged.setdefault(feedback.job_id, (self._made[feedback.job_id], {}))
        verdicts[feedback.by] = feedback.verdict
        if len(self._judged) > KEPT:
            self._judged.popitem(last=False)
        if self.found is None:
            self._look()

    def _look(self) -> None:
        judged = [(promised, sum(each.values()) / len(each)) for promised, each in self._judged.values()]
        strongest = [verdict for promised, verdict in judged if promised is None]
        cheaper = [(promised, verdict) for promised, verdict in judged if promised is not None]
        held = promise([each for each, _ in cheaper], [each for _, each in cheaper], strongest)
        if not held.kept:
            self.found = rung("score", NAME, False, f"{held}: the fallback decides")
            event(log, logging.WARNING, "the score does not keep its promise", found=str(held))
