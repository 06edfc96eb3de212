"""Builds the router: lanes on the intake, each with a handler that remembers its own jobs."""

from pointsman.bus.batch_lane import batch_lanes
from pointsman.bus.host import Service, control_broker, serve
from pointsman.router.agents_file import load as load_agents
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy import Policy
from pointsman.router.policy_file import load as load_policy
from pointsman.router.settings import RouterSettings
from pointsman.runtime import logging
from pointsman.runtime.clock import Clock, utc_now


def build(settings: RouterSettings, *, clock: Clock = utc_now) -> Service:
    """The router as a service.

    Raises:
        FileError: the policy or the registry cannot be read; with every problem's line.
    """
    policy = Policy.compile(load_policy(settings.policy))
    registry = load_agents(settings.agents, policy.tiers)

    def handler() -> RouterHandler:
        return RouterHandler(policy, registry, settings.topics, clock, remembered=settings.remembered_jobs)

    lanes = batch_lanes(
        settings,
        f"{settings.prefix}.router",
        settings.topics.intake.name,
        handler,
        remembered=settings.remembered_jobs,
    )
    return Service(
        name="router",
        settings=settings,
        topics=[topic.name for topic in settings.topics.all(policy.tiers)],
        broker=control_broker(settings),
        run=lanes.run,
        stop=lanes.stop,
        not_ready=lambda: None if lanes.ready else "lanes are not open yet",
    )


def run(settings: RouterSettings) -> int:
    """Route until told to stop; returns the exit code."""
    logging.configure()
    return serve(build(settings), settings)
