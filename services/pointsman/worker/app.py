"""Builds a worker: lanes on one tier's topic, its providers, and the listener for cancellations."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.window_lane import window_lanes
from pointsman.bus.host import Service
from pointsman.bus.produce.chunk_publisher import ChunkPublisher
from pointsman.bus.produce.shared_transactions import SharedTransactions
from pointsman.bus.read.shared_log import SharedLog
from pointsman.claims.opened import closed_after, open_claim_check
from pointsman.claims.waiting import Waiting
from pointsman.registry.cancellations import Cancellations
from pointsman.registry.cancelling import hear_cancellations
from pointsman.registry.follow import followed_registry
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.outcome_topics import OutcomeTopics
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.telemetry.otlp import SpanExporter
from pointsman.worker.accept_models import AcceptModels
from pointsman.worker.calls.call_context import call_context_of, targets_of
from pointsman.worker.handlers import STAGE, WorkerHandler, source_of
from pointsman.worker.held_jobs import tell_held_jobs
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman.worker.providers.response import MAX_RESPONSE_BYTES, MAX_STORED_BYTES
from pointsman.worker.providers_file import load
from pointsman.worker.settings import WorkerSettings
from pointsman.worker.tracing import traced


def build(
    settings: WorkerSettings, *, clock: Clock = utc_now, transactions: SharedTransactions | None = None
) -> Service:
    """Build the worker of `settings.tier`.

    Raises:
        FileError: the providers file cannot be used; names every problem with its line.
        ClaimsSettingError: the address of the store of large values is invalid.
    """
    file = load(settings.providers, tier=settings.tier)
    topics, in_force = settings.topics, RegistryInForce()
    outcomes = OutcomeTopics(topics, in_force)
    process, source = f"{settings.tier}-{secrets.token_hex(4)}", source_of(settings.tier)
    shared_limits = SharedLimits(process, lambda: SharedLog(settings, topics.limits, source))
    call_context = call_context_of(
        settings.tier,
        file.tiers[settings.tier],
        targets_of(file, settings.tier, clock=clock, most_bytes=most_bytes(settings)),
        shared_limits,
        entries=in_force.entry,
        clock=clock,
    )
    cancellations, chunks = Cancellations(clock), ChunkPublisher(settings)
    handler = WorkerHandler(
        call_context,
        topics,
        cancellations=cancellations,
        accept_models=AcceptModels(settings, topics),
        outcomes=outcomes,
        send_chunk=chunks.send,
        clock=clock,
    )
    claim_check, spans = open_claim_check(settings), SpanExporter(f"pointsman-worker-{settings.tier}")
    handle = traced(handler, settings.tier, spans.send, clock)
    lanes = window_lanes(
        settings,
        settings.group,
        topics.tier(settings.tier).name,
        handle if claim_check is None else Waiting(handle, claim_check),
        window=file.tiers[settings.tier].jobs_of_a_lane,
        failing=Failing(
            topics,
            stage=STAGE,
            source=source_of(settings.tier),
            clock=clock,
            tier=settings.tier,
            outcomes=outcomes,
        ),
        payloads=claim_check,
        transactions=transactions,
    )

    tell_held_jobs(settings.tier, lambda: lanes.opened, call_context.limits)
    commands = hear_cancellations(settings, topics, in_force, cancellations)

    @asynccontextmanager
    async def resources() -> AsyncIterator[None]:
        async with (
            followed_registry(settings, topics, in_force, settings.registry_people),
            shared_limits.running(),
            commands.running(),
            chunks.running(),
            spans.running(),
            closed_after(claim_check),
        ):
            yield

    def stop() -> None:
        handler.close()
        lanes.stop()

    return Service(
        name=f"worker-{settings.tier}",
        settings=settings,
        topics=[topic.name for topic in topics.of("worker", tiers=[settings.tier])],
        run=lanes.run,
        stop=stop,
        not_ready=lambda: (
            shared_limits.problem or commands.problem or (None if lanes.ready else "lanes are not open yet")
        ),
        resources=resources,
    )


def most_bytes(settings: WorkerSettings) -> int:
    """Return the largest answer to accept, in bytes.

    A stored answer shares its value with the request, and is in it twice if its JSON was changed.
    """
    if not settings.claims:
        return MAX_RESPONSE_BYTES
    return max(MAX_RESPONSE_BYTES, min(MAX_STORED_BYTES, settings.claims_max_bytes // 4))
