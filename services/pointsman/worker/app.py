"""Builds a worker: lanes on one tier's topic, one provider, and an ear for cancellations."""

from pointsman.bus.commands import on_cancel
from pointsman.bus.host import Service, control_broker, serve
from pointsman.bus.window_lane import window_lanes
from pointsman.runtime import logging
from pointsman.runtime.clock import Clock, utc_now
from pointsman.worker.accept_models import AcceptModels
from pointsman.worker.cancellations import Cancellations
from pointsman.worker.handlers import WorkerHandler
from pointsman.worker.prices import Prices
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import load
from pointsman.worker.settings import WorkerSettings
from pointsman_schemas.jobs import JobCancel


def build(settings: WorkerSettings, *, clock: Clock = utc_now) -> Service:
    """A worker of `settings.tier` as a service.

    Raises:
        FileError: the providers file cannot be used; with every problem's line.
    """
    tier, provider_row = load(settings.providers, tier=settings.tier).of(settings.tier)
    topics = settings.topics
    cancellations = Cancellations(clock)
    handler = WorkerHandler(
        settings.tier,
        tier,
        Provider(provider_row, provider_row.key(), max_in_flight=tier.max_in_flight, clock=clock),
        Prices(provider_row.genai_prices_provider),
        topics,
        cancellations=cancellations,
        accept_models=AcceptModels(settings.kafka, topics),
        clock=clock,
    )
    lanes = window_lanes(
        settings, settings.group, topics.tier(settings.tier).name, handler, window=settings.window
    )
    broker = control_broker(settings)

    def cancel(command: JobCancel) -> None:
        cancellations.cancel(command.job_id, command.agent_id, command.reason)

    def stop() -> None:
        handler.close()
        lanes.stop()

    on_cancel(broker, topics.control, cancel)
    return Service(
        name=f"worker-{settings.tier}",
        settings=settings,
        topics=[topic.name for topic in topics.all([settings.tier])],
        broker=broker,
        run=lanes.run,
        stop=stop,
        not_ready=lambda: None if lanes.ready else "lanes are not open yet",
    )


def run(settings: WorkerSettings) -> int:
    """Work until told to stop; returns the exit code."""
    logging.configure()
    return serve(build(settings), settings)
