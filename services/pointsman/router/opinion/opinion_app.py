"""Builds the second opinion's process: lanes on the undecided jobs, and one thread that embeds texts."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.window_lane import window_lanes
from pointsman.bus.host import Service
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.claims.waiting import Waiting
from pointsman.opinion.weights import OpinionMissingError
from pointsman.registry.authors import Authors
from pointsman.registry.follow import followed_registry
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.outcome_topics import OutcomeTopics
from pointsman.router.feedback_listener import following_calibration
from pointsman.router.opinion.opinion_handler import SOURCE, Give, OpinionHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile, load_text
from pointsman.router.policy_publisher import publish_policy
from pointsman.router.replies import STAGE
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.router.settings import RouterSettings
from pointsman.runtime.clock import Clock, utc_now
from pointsman.score.estimate import Estimate

#: Jobs of one partition in flight: more would only wait for the one thread.
WINDOW = 64


def build(
    settings: RouterSettings, *, clock: Clock = utc_now, transactions: SharedTransactions | None = None
) -> Service:
    """Build the second opinion's process.

    Raises:
        FileError: the policy cannot be used; names every problem with its line.
        ClaimsSettingError: the address of the store of large values is invalid.
        OpinionMissingError: the policy has no second opinion, or its packages are not installed.
    """
    file, text = load_text(settings.policy)
    policy = Policy.compile(file)
    calibration = CalibrationMonitor.of(policy)
    in_force = RegistryInForce()
    outcomes = OutcomeTopics(settings.topics, in_force)
    handler = OpinionHandler(
        policy, settings.topics, giver(file), clock, calibration=calibration, outcomes=outcomes
    )
    claim_check = open_claim_check(settings)
    lanes = window_lanes(
        settings,
        settings.opinion_group,
        settings.topics.opinion.name,
        handler if claim_check is None else Waiting(handler, claim_check),
        window=WINDOW,
        failing=Failing(settings.topics, stage=STAGE, source=SOURCE, clock=clock, outcomes=outcomes),
        payloads=claim_check,
        transactions=transactions,
    )

    async def opine() -> None:
        await publish_policy(settings, settings.topics, file, text, clock)
        is_by = Authors(in_force).is_by
        async with (
            followed_registry(settings, settings.topics, in_force, settings.registry_people),
            following_calibration(
                settings, settings.topics, calibration, source=SOURCE, clock=clock, is_by=is_by
            ),
        ):
            await lanes.run()

    return Service(
        name="opinion",
        settings=settings,
        topics=[topic.name for topic in settings.topics.of("opinion", tiers=policy.tiers)],
        run=opine,
        stop=lanes.stop,
        not_ready=lambda: calibration.problem() or (None if lanes.ready else "lanes are not open yet"),
        resources=partial(closed_after, claim_check),
    )


def giver(file: PolicyFile) -> Give:
    """Return a function that gives the policy's second opinion, in a thread, as 13 ms would delay heartbeats.

    Raises:
        OpinionMissingError: the policy has none, or its packages are not installed.
    """
    section = None if file.score is None else file.score.opinion
    if section is None:
        raise OpinionMissingError(
            "the policy asks for no second opinion", "write one under `score`: opinion: {model: builtin}"
        )
    try:
        import numpy as np
    except ImportError as error:
        raise OpinionMissingError(f"the package {error.name} is not installed") from error

    from pointsman.opinion.embed import Embedder
    from pointsman.opinion.model_file import parse
    from pointsman.opinion.surface import surface

    opinion, embedder = parse(section.model.content), Embedder.open()
    thread = ThreadPoolExecutor(1, thread_name_prefix="opinion")

    def estimate(text: str) -> Estimate:
        (estimated,) = opinion.estimates(embedder.embed([text]), np.array([surface(text)]))
        return estimated

    async def give(text: str) -> Estimate:
        return await asyncio.get_running_loop().run_in_executor(thread, estimate, text)

    return give
