"""Shadows: copies of a share of the jobs, done on further tiers for training data.

A shadow is a separate job of the agent `pointsman/shadow`: audited and paid like any other. Its answer never
goes to the publisher of the original job.

Invariants:
- A hash of the job's id alone selects the jobs, so every router and every run selects the same.
- Only tiers open to the job's agent get shadows.
- Their number per hour is limited; a job whose shadows would exceed the limit has none.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from pointsman.router.policy.checks import check_of
from pointsman.router.policy.facts import count_chars
from pointsman.router.policy.policy_file import SHADOW, ShadowSection
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import SUBJECT, Job

#: The agent that shadows belong to.
AGENT = "pointsman/shadow"
#: The metadata key for the id of the job that a shadow copies.
OF = "shadow_of"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A shadow job and its decision."""

    job: Job
    decision: Decision


class Shadows:
    """One lane's shadows. `lanes`: how many share the hourly limit, which restarts with each object."""

    def __init__(self, section: ShadowSection, lanes: int) -> None:
        self._section = section
        self._budget = -(-section.jobs_per_hour // lanes)  # rounded up, so that a small budget is not 0
        self._hour = datetime.min.replace(tzinfo=UTC)
        self._spent = 0

    def of(self, job: Job, decision: Decision, now: datetime) -> list[Shadow]:
        """Return the shadows of a job with `decision`."""
        drawn = draw(job.job_id)
        if not drawn < self._section.share or count_chars(job.request.messages) > self._section.max_chars:
            return []
        begun = None if decision.cascade is not None else decision.tier  # its answer may not be final
        tiers = [tier for tier in self._section.tiers if tier != begun and is_open(tier, decision)]
        if not self._afford(len(tiers), now):
            return []
        return [_shadow(job, decision, tier, f"{drawn:.6f} < {self._section.share:g}") for tier in tiers]

    def _afford(self, jobs: int, now: datetime) -> bool:
        # Not the record's time, which a publisher can set: the year 3000 would block all later shadows.
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._spent = hour, 0
        if self._spent + jobs > self._budget:
            return False
        self._spent += jobs
        return True


def is_open(tier: str, decision: Decision) -> bool:
    """Whether `tier` was open to the agent of the job that `decision` is about."""
    return decision.open_tiers is None or tier in decision.open_tiers


def draw(job_id: UUID) -> float:
    """Return a number in [0, 1): always the same for a job, uniformly distributed over jobs."""
    return int.from_bytes(hashlib.sha256(job_id.bytes + b"shadow").digest()[:6], "big") / 2**48


def _about(job: Job) -> dict[str, str]:
    return {} if job.data_subject is None else {SUBJECT: job.data_subject}


def _shadow(job: Job, decision: Decision, tier: str, drawn: str) -> Shadow:
    repeated = Job.model_construct(
        job_id=uuid5(job.job_id, f"shadow:{tier}"),
        agent_id=AGENT,
        kind=job.kind,
        tier=None,
        metadata={OF: str(job.job_id), **_about(job)},
        deadline=None,
        order_key=None,
        request=job.request,
    )
    shadow_decision = Decision(
        tier=tier,
        rule=SHADOW,
        reason=f"A shadow of a job that went to {decision.tier}, to learn from; its answer reaches nobody.",
        policy_version=decision.policy_version,
        runner_up=None,
        checks=(check_of("rule", SHADOW, True, drawn),),
    )
    return Shadow(repeated, shadow_decision)
