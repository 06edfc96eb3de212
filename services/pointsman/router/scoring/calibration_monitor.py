"""Whether the answers that people judged are as good as the score promised; if not, the fallback decides.

Invariants:
- Every router process folds the same topics, so all come to the same, whoever decided the judged jobs.
- What was found is a check of the decisions it touched, so that each can be made again without this object.
- It does not come back by itself: the fallback's answers say nothing about the tiers that the score would
  choose. Another model begins anew, and so does one that somebody trusts again: verdicts from before then
  count no more, in whatever order they are heard.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from pointsman.router.policy.checks import check_of
from pointsman.router.policy.policy import Policy
from pointsman.score.promise import promise
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.decisions import Check
from pointsman_schemas.feedback import JobFeedback

NAME = "promise"
#: Of the judged answers the last count.
KEPT = 300
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(slots=True)
class _Judged:
    """A job's answer: what was promised of it (None of one by the strongest tier), and said by each judge."""

    promised: float | None
    at: datetime
    verdicts: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> float:
        return sum(self.verdicts.values()) / len(self.verdicts)


class CalibrationMonitor:
    """One score's. `strongest`: the tier that the others are held against; `model`: name and version."""

    def __init__(self, strongest: str, model: str | None) -> None:
        self.model = model
        self._strongest = strongest
        self._judged: OrderedDict[UUID, _Judged] = OrderedDict()
        self._renewed = _NEVER
        self._broken: PromiseBroken | None = None
        #: The check for jobs that would be scored, while the score is not believed.
        self.found: Check | None = None
        #: Why nothing is heard now, for `/readyz`.
        self.unheard: str | None = None
        #: What was found here and is not on record yet.
        self.untold: PromiseBroken | None = None

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Of the score that `policy` asks, if it asks one."""
        return cls(policy.tiers[-1], None if policy.scorer.model is None else policy.scorer.name)

    def judged(self, feedback: JobFeedback, at: datetime) -> None:
        """Hear a verdict; the last of each judge counts, and of several judges the mean."""
        if feedback.score is None or feedback.tier is None or at <= self._renewed:
            return
        if feedback.score.model.partition(" with ")[0] != self.model:
            return  # it was promised by another one; an opinion beside this one makes no difference
        promised = None if feedback.tier == self._strongest else feedback.score.sufficient
        answer = self._judged.setdefault(feedback.job_id, _Judged(promised, at))
        answer.verdicts[feedback.by] = feedback.verdict
        answer.at = max(answer.at, at)
        if len(self._judged) > KEPT:
            self._judged.popitem(last=False)
        if self._broken is None:
            self._look()

    def broken(self, message: PromiseBroken) -> None:
        """Hear what a router found."""
        if message.model == self.model and message.judged_at > self._renewed:
            self.untold = None
            self._stand(message)

    def renewed(self, message: PromiseRenewed, at: datetime) -> None:
        """Hear that somebody trusts a score again."""
        if message.model != self.model:
            return
        self._renewed = max(self._renewed, at)
        for job_id in [job_id for job_id, judged in self._judged.items() if judged.at <= self._renewed]:
            del self._judged[job_id]
        if self._broken is not None and self._broken.judged_at <= self._renewed:
            self._broken = self.found = self.untold = None

    def _look(self) -> None:
        strongest = [judged.verdict for judged in self._judged.values() if judged.promised is None]
        others = [judged for judged in self._judged.values() if judged.promised is not None]
        promised = [other.promised for other in others if other.promised is not None]
        held = promise(promised, [other.verdict for other in others], strongest)
        if self.model is not None and not held.kept:
            last = max(judged.at for judged in self._judged.values())
            self.untold = PromiseBroken(model=self.model, found=str(held), judged_at=last)
            self._stand(self.untold)

    def _stand(self, message: PromiseBroken) -> None:
        self._broken = message
        self.found = check_of("score", NAME, False, f"{message.found}: the fallback decides")
