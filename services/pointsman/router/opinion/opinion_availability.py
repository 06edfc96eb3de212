"""Whether anybody gives second opinions; where nobody has for longer than a job may wait, none is asked for.

Invariants:
- Why no opinion was asked for is a check of the decision, so that it can be made again without this object.
- It comes back by itself: the next look that finds somebody ends it.
"""

import logging
from datetime import datetime
from math import inf
from typing import Self

from pointsman.router.policy.policy import Policy
from pointsman.router.scoring.second import missing
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman_schemas.decisions import Check

log = logging.getLogger(__name__)


class OpinionAvailability:
    """One router process's. `wait_s`: how long a job may wait for an opinion."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._missing_since: datetime | None = None
        #: The check for undecided jobs, while nobody is there.
        self.missing: Check | None = None

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """As the policy says; where it asks nobody, nobody is missed."""
        second = policy.scorer.second
        return cls(inf if second is None else second.wait_s)

    def update(self, members: int, now: datetime) -> None:
        """So many processes gave opinions at `now`."""
        before = self.missing
        if members:
            self._missing_since = self.missing = None
        else:
            self._missing_since = self._missing_since or now
            alone = (now - self._missing_since).total_seconds()
            if before is None and alone > self._wait_s:
                self.missing = missing(f"nobody has given one for {alone:.1f} s > {self._wait_s:g} s")
        if (before is None) != (self.missing is None):
            log_event = Event.OPINIONS_AVAILABLE if before else Event.OPINIONS_MISSING
            event(log, logging.WARNING, log_event, hint="pointsman run opinion" if self.missing else "")
