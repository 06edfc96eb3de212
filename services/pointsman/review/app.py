"""Builds the review service: a state lane over requests and commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.state.state_lane import state_lanes
from pointsman.bus.host import Service
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.registry.cancellations import Cancellations
from pointsman.registry.cancelling import hear_cancellations
from pointsman.registry.follow import followed_registry
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.outcome_topics import OutcomeTopics
from pointsman.review.handler import SOURCE, STAGE, ReviewHandler
from pointsman.review.settings import ReviewSettings
from pointsman.runtime.clock import Clock, utc_now


def build(
    settings: ReviewSettings, *, clock: Clock = utc_now, transactions: SharedTransactions | None = None
) -> Service:
    """Build the service.

    Raises:
        ClaimsSettingError: the setting of the store of large values is invalid.
    """
    topics, in_force, cancellations = settings.topics, RegistryInForce(), Cancellations(clock)
    claim_check = open_claim_check(settings)
    lanes = state_lanes(
        settings,
        settings.group,
        [topics.review.name, topics.reviews_decided.name],
        topics.reviews_state.name,
        lambda _partition: ReviewHandler(in_force, topics, cancellations, clock),
        failing=Failing(
            topics,
            stage=STAGE,
            source=SOURCE,
            clock=clock,
            outcomes=OutcomeTopics(topics, in_force),
            asides=[topics.reviews_decided.name],
        ),
        clock=clock,
        payloads=claim_check,
        transactions=transactions,
    )
    commands = hear_cancellations(settings, topics, in_force, cancellations)

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with (
            followed_registry(settings, topics, in_force, settings.registry_people),
            commands.running(),
            closed_after(claim_check),
        ):
            yield

    async def review() -> None:
        await in_force.known.wait()
        await lanes.run()

    return Service(
        name="review",
        settings=settings,
        topics=[topic.name for topic in topics.of("review")],
        run=review,
        stop=lanes.stop,
        not_ready=lambda: (
            in_force.problem or commands.problem or (None if lanes.ready else "lanes are not open yet")
        ),
        resources=resources,
    )
