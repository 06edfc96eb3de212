"""Detects when a lane's jobs no longer resemble the score's training data; the fallback then decides.

Invariants:
- Drift is recorded as a check of the decisions it affects, so they can be recomputed without this object.
- Only the shapes of a sample are kept: a tenth of the scored texts, the latest two hundred, compared after
  each hundred. A hash of the job's id draws the sample: taking every tenth job would be biased if a publisher
  alternates kinds of jobs.
- It recovers by itself: shapes are sampled while the fallback decides, too.
"""

import logging
from collections import deque
from collections.abc import Mapping
from zlib import crc32

from pointsman.router.policy.checks import check_of
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.score.drift import Shift, shift
from pointsman.score.features import read
from pointsman.score.text import text_of
from pointsman_schemas.decisions import Check
from pointsman_schemas.jobs import Job

log = logging.getLogger(__name__)

NAME = "drift"
EVERY, KEPT, CHECK_EVERY = 10, 200, 100


class DriftWatch:
    """One per lane. `profile`: that of the training texts; with an empty one drift is never reported."""

    def __init__(self, profile: Mapping[str, float]) -> None:
        self.watches = bool(profile)
        self._profile = profile
        self._shapes: deque[tuple[bytes, ...]] = deque(maxlen=KEPT)
        self._kept = 0
        #: The check for jobs that would be scored, during drift; else None.
        self.suspended: Check | None = None

    def add(self, job: Job) -> None:
        """Keep the shape of a job that would be scored, if its id is drawn."""
        if crc32(job.job_id.bytes) % EVERY == 0:
            self.keep(read(text_of(job.request.messages)).shape)

    def keep(self, shape: tuple[bytes, ...]) -> None:
        """Keep the shape of a drawn job."""
        self._shapes.append(shape)
        self._kept += 1
        if self._kept % CHECK_EVERY == 0:
            self._check(shift(self._profile, self._shapes))

    def _check(self, moved: Shift) -> None:
        before = self.suspended
        self.suspended = (
            None if moved.familiar else check_of("score", NAME, False, f"{moved}: the fallback decides")
        )
        if (before is None) != (self.suspended is None):
            log_event = Event.WORK_FAMILIAR if self.suspended is None else Event.WORK_UNFAMILIAR
            event(log, logging.WARNING, log_event, shift=str(moved))
