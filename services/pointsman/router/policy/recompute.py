"""Recomputes a recorded decision."""

import difflib
import json
from collections.abc import Sequence

from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.review_plan import own_of
from pointsman.router.scoring.calibration_monitor import NAME as PROMISE
from pointsman.router.scoring.drift import NAME as DRIFT
from pointsman.router.scoring.second import NONE as NO_OPINION
from pointsman_schemas.base import Json
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.jobs import Job


def decide_again(policy: Policy, job: Job, recorded: Decision) -> Decision:
    """Return the decision of `policy` on `job`, with admission, open tiers and thresholds of `recorded`.

    A recorded suspension of the score and a recorded second opinion are used only if the same version of the
    policy made that decision.

    Raises:
        ValueError: none of the policy's tiers was open to the agent.
    """
    admission = tuple(check for check in recorded.checks if check.layer == "admission")
    suspended, opinion = None, None
    if policy.version == recorded.policy_version:
        suspended = _check_named(recorded, DRIFT, PROMISE)
        opinion = recorded.opinion or _check_named(recorded, NO_OPINION)
    return decide(
        policy,
        job,
        allowed=recorded.open_tiers,
        earlier=admission,
        suspended=suspended,
        opinion=opinion,
        thresholds=own_of(recorded.review),
    )


def _check_named(recorded: Decision, *names: str) -> Check | None:
    return next((check for check in recorded.checks if check.layer == "score" and check.name in names), None)


def canonical(decision: Json | Decision) -> bytes:
    """Return a decision as canonical JSON: sorted keys, no whitespace."""
    value = decision.model_dump(mode="json") if isinstance(decision, Decision) else decision
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def difference(recorded: bytes, recomputed: bytes) -> Sequence[str]:
    """Return the lines of a unified diff of two canonical decisions; empty if they are equal."""
    if recorded == recomputed:
        return ()
    lines = difflib.unified_diff(
        _lines(recorded), _lines(recomputed), "on record", "decided again", lineterm=""
    )
    return list(lines)


def _lines(spelled: bytes) -> list[str]:
    return json.dumps(json.loads(spelled), indent=2, ensure_ascii=False).split("\n")
