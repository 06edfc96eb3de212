"""Checks that judged answers are as good as the score predicted, and suspends the score if they are not.

Invariants:
- Every router process reads the same topics, so all reach the same result, whichever routed the judged jobs.
- A suspension is recorded as a check of the decisions it affects, so they can be recomputed without this
  object.
- A suspension does not end by itself: the fallback's answers say nothing about the tiers that the score would
  choose. It ends with another model, or `pointsman policy trust`; earlier verdicts then no longer count, in
  whatever order they are read.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from pointsman.router.policy.checks import check_of
from pointsman.router.policy.policy import Policy
from pointsman.score.calibration import check_calibration
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.decisions import Check
from pointsman_schemas.feedback import JobFeedback

NAME = "promise"
#: How many of the latest judged answers count.
KEPT = 300
_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(slots=True)
class _Judged:
    """A job's answer: the predicted quality (None for the strongest tier), and each judge's verdict."""

    promised: float | None
    at: datetime
    verdicts: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> float:
        return sum(self.verdicts.values()) / len(self.verdicts)


class CalibrationMonitor:
    """One per score. `strongest`: the tier that the others are compared with; `model`: name and version."""

    def __init__(self, strongest: str, model: str | None) -> None:
        self.model = model
        self._strongest = strongest
        self._judged: OrderedDict[UUID, _Judged] = OrderedDict()
        self._resumed_at = _NEVER
        self._suspension: PromiseBroken | None = None
        #: The check for jobs that would be scored, during a suspension; else None.
        self.suspended: Check | None = None
        #: Returns why no verdicts can be read now, for `/readyz`.
        self.problem: Callable[[], str | None] = lambda: None
        #: A suspension found by this process and not published yet.
        self.unpublished: PromiseBroken | None = None

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Return a monitor for the score of `policy`, if it has one."""
        return cls(policy.tiers[-1], None if policy.scorer.model is None else policy.scorer.name)

    def add_verdict(self, feedback: JobFeedback, at: datetime) -> None:
        """Count a verdict: the last one of each judge, and the mean of several judges."""
        if feedback.score is None or feedback.tier is None or at <= self._resumed_at:
            return
        if feedback.score.model.partition(" with ")[0] != self.model:
            return  # predicted by another model; a second opinion makes no difference
        promised = None if feedback.tier == self._strongest else feedback.score.sufficient
        answer = self._judged.setdefault(feedback.job_id, _Judged(promised, at))
        answer.verdicts[feedback.by] = feedback.verdict
        answer.at = max(answer.at, at)
        if len(self._judged) > KEPT:
            self._judged.popitem(last=False)
        if self._suspension is None:
            self._check()

    def suspend(self, message: PromiseBroken) -> None:
        """Suspend the score, as a router has found it miscalibrated."""
        if message.model == self.model and message.judged_at > self._resumed_at:
            self.unpublished = None
            self._suspend(message)

    def resume(self, message: PromiseRenewed, at: datetime) -> None:
        """End a suspension, as a person trusts the score; earlier verdicts no longer count."""
        if message.model != self.model:
            return
        self._resumed_at = max(self._resumed_at, at)
        for job_id in [job_id for job_id, judged in self._judged.items() if judged.at <= self._resumed_at]:
            del self._judged[job_id]
        if self._suspension is not None and self._suspension.judged_at <= self._resumed_at:
            self._suspension = self.suspended = self.unpublished = None

    def _check(self) -> None:
        strongest = [judged.verdict for judged in self._judged.values() if judged.promised is None]
        others = [judged for judged in self._judged.values() if judged.promised is not None]
        promised = [other.promised for other in others if other.promised is not None]
        result = check_calibration(promised, [other.verdict for other in others], strongest)
        if self.model is not None and not result.holds:
            last = max(judged.at for judged in self._judged.values())
            self.unpublished = PromiseBroken(model=self.model, found=str(result), judged_at=last)
            self._suspend(self.unpublished)

    def _suspend(self, message: PromiseBroken) -> None:
        self._suspension = message
        self.suspended = check_of("score", NAME, False, f"{message.found}: the fallback decides")
