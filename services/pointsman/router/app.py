"""Builds the router: lanes on the intake, each with its own handler.

The policy and its models are published before the first lane opens.
"""

from functools import partial
from logging import INFO, getLogger

from pointsman.bus.consume.batch_lane import batch_lanes
from pointsman.bus.consume.failing import Failing
from pointsman.bus.host import Service
from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.registry.authors import Authors
from pointsman.registry.follow import followed_registry
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.outcome_topics import OutcomeTopics
from pointsman.router.fast_path import MOST_BYTES, FastScore
from pointsman.router.feedback_listener import following_calibration
from pointsman.router.handlers import SOURCE, RouterHandler
from pointsman.router.opinion.opinion_availability import OpinionAvailability, watching_opinions
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import load_text
from pointsman.router.policy_publisher import publish_policy
from pointsman.router.replies import STAGE
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.router.settings import RouterSettings
from pointsman.router.signatures import LOOKS_BACK
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.native import library

log = getLogger(__name__)


def build(
    settings: RouterSettings, *, clock: Clock = utc_now, transactions: SharedTransactions | None = None
) -> Service:
    """Build the router.

    Raises:
        FileError: the policy cannot be used; names every problem with its line.
        ClaimsSettingError: the address of the store of large values is invalid.
    """
    file, text = load_text(settings.policy)
    policy = Policy.compile(file)
    topics, calibration, in_force = settings.topics, CalibrationMonitor.of(policy), RegistryInForce()

    opinions = OpinionAvailability.of(policy)
    claim_check = open_claim_check(settings)
    fast_score = FastScore(policy.scorer) if settings.native and library() is not None else None

    def handler(writer: LaneWriter) -> RouterHandler:
        return RouterHandler(
            policy,
            in_force,
            topics,
            clock,
            calibration=calibration,
            opinions=opinions,
            remembered=settings.remembered_jobs,
            fast_score=fast_score,
            seed=writer.seed,
            partitions=lambda: writer.partitions,
            largest=MOST_BYTES if claim_check is None else settings.claims_above_bytes,
        )

    lanes = batch_lanes(
        settings,
        f"{settings.prefix}.router",
        topics.intake.name,
        handler,
        remembered=settings.remembered_jobs,
        looks_back=lambda: LOOKS_BACK if in_force.demands_signatures else None,
        failing=Failing(
            topics, stage=STAGE, source=SOURCE, clock=clock, outcomes=OutcomeTopics(topics, in_force)
        ),
        payloads=claim_check,
        transactions=transactions,
        takes_batches=fast_score is not None,
    )

    async def route() -> None:
        event(log, INFO, Event.ROUTER_STARTING, fast_path=fast_score is not None)
        await publish_policy(settings, topics, file, text, clock)
        async with (
            followed_registry(settings, topics, in_force, settings.registry_people),
            following_calibration(
                settings, topics, calibration, source=SOURCE, clock=clock, is_by=Authors(in_force).is_by
            ),
            watching_opinions(settings, settings.opinion_group, policy, opinions, clock),
        ):
            await in_force.known.wait()
            await lanes.run()

    return Service(
        name="router",
        settings=settings,
        topics=[topic.name for topic in topics.of("router", tiers=policy.tiers)],
        run=route,
        stop=lanes.stop,
        not_ready=lambda: (
            in_force.problem or calibration.problem() or (None if lanes.ready else "lanes are not open yet")
        ),
        resources=partial(closed_after, claim_check),
    )
