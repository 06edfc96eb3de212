"""Explains a recorded decision by the score's reasons, and recomputes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from pointsman.claims.whole_messages import WholeMessages
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import SHADOW
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.router.recorded.policy_record import PolicyRecord
from pointsman.router.recorded.recorded_policy import policy_of
from pointsman.router.shadow import OF as SHADOW_OF
from pointsman.runtime.errors import CommandError
from pointsman.runtime.yaml_file import FileError
from pointsman.score.estimate import ScoreReason
from pointsman.score.text import text_of
from pointsman.store.ask.decisions import Decisions
from pointsman_schemas.jobs import JobRouted


@dataclass(frozen=True, slots=True)
class Saw:
    """The score's reasons for and against each tier; `missing`: why they are unknown."""

    model: str
    reasons: Mapping[str, Sequence[ScoreReason]]
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Both decisions in canonical JSON. `model`: None if the policy has no score."""

    job_id: UUID
    policy_version: str
    model: str | None
    recorded: bytes
    recomputed: bytes

    @property
    def same(self) -> bool:
        """Whether both are equal byte for byte."""
        return self.recorded == self.recomputed


async def made_by(
    record: PolicyRecord, routed: JobRouted, at_hand: Path, lost: str | None
) -> tuple[str | None, Saw | None]:
    """Return the policy's name, and the score's reasons if it was asked.

    `lost`: why the job's text is unavailable, None if it is not.
    """
    scored = any(check.layer == "score" for check in routed.decision.checks)
    try:
        file = await policy_of(record, routed.decision.policy_version, at_hand, everywhere=scored)
    except (CommandError, FileError, ValueError) as error:  # without the policy, the decision is shown alone
        return None, Saw("", {}, str(error).removeprefix("error: ").partition("\n")[0]) if scored else None
    if not scored or lost is not None:
        return file.name, Saw("", {}, lost) if scored else None
    scorer = Policy.compile(file).scorer
    return file.name, Saw(scorer.name, scorer.reasons(text_of(routed.job.request.messages)))


async def recompute(
    job_id: UUID, decisions: Decisions, record: PolicyRecord, whole_messages: WholeMessages, at_hand: Path
) -> Recomputed:
    """Return the recorded decision about a job, and the one that its policy makes now.

    Raises:
        CommandError: the job was never routed, or its policy, model or text is unavailable.
    """
    value = await decisions.value(job_id)
    if value is None:
        raise CommandError(
            f"job {job_id} was never routed: there is no decision to make again",
            f"what became of it: pointsman why {job_id}",
        )
    value, lost = await whole_messages.whole_value(JobRouted.TYPE, value)
    if lost is not None:
        raise CommandError(f"job {job_id} cannot be decided again: {lost}")
    routed = JobRouted.model_validate_json(value)
    if routed.decision.rule == SHADOW:
        raise CommandError(
            f"job {job_id} is a shadow: the policy names its tier, so there is no decision",
            f"see the original job: pointsman why {routed.job.metadata[SHADOW_OF]} --recompute",
        )
    file = await policy_of(record, routed.decision.policy_version, at_hand)
    recomputed = decide_again(Policy.compile(file), routed.job, routed.decision)
    recorded: dict[str, Any] = orjson.loads(value)["decision"]
    model = None if file.score is None else file.score.model.model
    return Recomputed(
        job_id,
        file.version,
        None if model is None else f"{model.name}@{model.version}",
        canonical(recorded),
        canonical(recomputed),
    )
