"""Finds whether routers use a policy's score, and resumes it for `pointsman policy trust`."""

from pointsman.bus.codec.emit import emit_own
from pointsman.bus.produce.publisher import Publisher
from pointsman.router.feedback_listener import load_calibration
from pointsman.router.policy.policy import Policy
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.runtime.clock import utc_now
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.promises import PromiseRenewed
from pointsman_schemas.topics import Topics


async def calibration_of(kafka: KafkaPart, topics: Topics, policy: Policy) -> CalibrationMonitor:
    """Return the recorded state of the score of `policy`.

    Raises:
        BusError: it cannot be read.
    """
    calibration = CalibrationMonitor.of(policy)
    await load_calibration(kafka, topics, calibration)
    return calibration


async def trust(kafka: KafkaPart, topics: Topics, policy: Policy, by: str, comment: str) -> str:
    """Record that `by` trusts the policy's score again; return the score's name.

    Raises:
        CommandError: the policy has no score, or the score is not suspended.
        BusError: the record cannot be read or written.
    """
    calibration = await calibration_of(kafka, topics, policy)
    if calibration.model is None:
        raise CommandError(f"policy {policy.name} uses no score", "name another one: --policy FILE")
    if calibration.suspended is None:
        raise CommandError(f"the score {calibration.model} is not suspended")
    message = PromiseRenewed(model=calibration.model, by=by, comment=comment)
    record = emit_own(topics.policy, f"trust/{message.model}", by, message, utc_now())
    async with Publisher(kafka) as publisher:
        await publisher.publish([record])
    return message.model
