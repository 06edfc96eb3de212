"""Reads verdicts and other routers' suspensions of the score, and publishes this router's suspensions."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pointsman.bus.codec.decode import broker_time, message_in
from pointsman.bus.codec.emit import emit_own
from pointsman.bus.codec.records import Incoming
from pointsman.bus.partition import Offsets
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import TopicListener
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.registry.authors import IsBy
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.decisions import Check
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

#: The number of verdicts read at startup; suspensions are recorded separately.
VERDICTS_READ = 10_000


@asynccontextmanager
async def following_calibration(
    settings: LanePart,
    topics: Topics,
    calibration: CalibrationMonitor,
    *,
    source: str,
    clock: Clock,
    is_by: IsBy,
) -> AsyncIterator[None]:
    """Load `calibration` and keep it up to date while inside, if the policy has a score.

    `is_by`: whether a verdict comes from the agent whose job it names.

    Raises:
        BusError: the recorded suspensions cannot be read.
    """
    if calibration.model is None:
        yield
        return
    start = await load_calibration(settings, topics, calibration)
    _log_change(None, calibration)

    def take(record: Incoming) -> None:
        before = calibration.suspended
        _apply(calibration, record, is_by)
        _log_change(before, calibration)

    async def publish() -> None:
        if (change := calibration.unpublished) is not None:
            record = emit_own(topics.policy, f"promise/{change.model}", source, change, clock())
            async with Publisher(settings) as publisher:
                await publisher.publish([record])
            calibration.unpublished = None

    listener = TopicListener(settings, [topics.policy, topics.feedback], take, start=start, after=publish)
    calibration.problem = lambda: listener.problem
    async with listener.running():
        yield


async def load_calibration(kafka: KafkaPart, topics: Topics, calibration: CalibrationMonitor) -> Offsets:
    """Read the suspensions up to now; return the offsets at which to continue, with the last verdicts.

    Raises:
        BusError: they cannot be read.
    """
    async with Follower(kafka, [topics.policy.name], start="beginning", until_end=True) as reader:
        async for record in reader:
            _apply(calibration, record, lambda _record, _agent_id: False)  # this topic has no verdicts
    async with Follower(kafka, [topics.feedback.name], start="end", until_end=True) as verdicts:
        last = {place: max(0, end - VERDICTS_READ) for place, end in verdicts.offsets.items()}
    return {**reader.offsets, **last}


def _apply(calibration: CalibrationMonitor, record: Incoming, is_by: IsBy) -> None:
    try:
        match message_in(record):
            case JobFeedback() as feedback:
                if is_by(record, feedback.agent_id):
                    calibration.add_verdict(feedback, broker_time(record))
            case PromiseBroken() as suspension:
                calibration.suspend(suspension)
            case PromiseRenewed() as resumption:
                calibration.resume(resumption, broker_time(record))
            case _:
                pass
    except Exception:  # one message must not stop the others
        failure(log, Event.FEEDBACK_FAILED, **record.log_fields)


def _log_change(before: Check | None, calibration: CalibrationMonitor) -> None:
    """Log whether the score is used, if that has changed."""
    if before is None and calibration.suspended is not None:
        detail = calibration.suspended.detail
        event(log, logging.WARNING, Event.SCORE_SUSPENDED, model=calibration.model, found=detail)
    elif before is not None and calibration.suspended is None:
        event(log, logging.WARNING, Event.SCORE_RESUMED, model=calibration.model)
