"""Whether routers believe the policy's score."""

from pointsman.bus.errors import BusError
from pointsman.cli.checks.finding import CheckResult
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.trusting import calibration_of
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics


async def promise(kafka: KafkaPart, topics: Topics, policy: PolicyFile | None) -> list[CheckResult]:
    """What they found; nothing where the policy asks no score."""
    if policy is None or policy.score is None:
        return []
    try:
        calibration = await calibration_of(kafka, topics, Policy.compile(policy))
    except BusError:
        return [CheckResult("score", None, "not looked at: Kafka is not reachable, or lacks topics")]
    if calibration.suspended is None:
        return [CheckResult("score", True, f"{calibration.model} is asked, no verdicts are held against it")]
    return [
        CheckResult(
            "score",
            False,
            f"{calibration.model} is not asked: {calibration.suspended.detail}",
            "pointsman learn            # a new one, from the verdicts; start the routers with its policy\n"
            "pointsman policy trust     # or ask this one again: the verdicts so far count no more",
        )
    ]
