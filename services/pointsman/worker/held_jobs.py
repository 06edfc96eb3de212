"""How many of a tier's jobs wait, and for what: counted when the metrics are asked for, and only then."""

import time
from collections.abc import Callable, Sequence

from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.window_lane import WindowLane
from pointsman.runtime.metrics import JOBS_HELD
from pointsman.worker.limits.call_limiter import CallLimiter

#: Of one core, from which on it is the processor that everything waits for.
_BUSY = 0.9
#: Seconds; the processor's part in a shorter time says nothing.
_LEAST_S = 0.2


class HeldJobs:
    """Of one worker. `used_s`: processor seconds of the process."""

    def __init__(
        self,
        lanes: Callable[[], Sequence[Lane]],
        limits: CallLimiter,
        *,
        used_s: Callable[[], float] = time.process_time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes = lanes
        self._limits = limits
        self._used_s = used_s
        self._now = now
        self._asked_at, self._used_then = now(), used_s()
        self._is_busy = False

    def by_window(self) -> int:
        """Jobs of lanes whose window is full."""
        return sum(lane.beyond_window for lane in self._window_lanes())

    def by_in_flight(self) -> int:
        """Calls beyond `max_in_flight`."""
        return self._limits.waiting_for_slot

    def by_rate(self) -> int:
        """Calls that the shared limits, a provider's pause or a breaker let not through yet."""
        return self._limits.waiting_for_rate

    def by_order_key(self) -> int:
        """Jobs that wait for the one before them."""
        return sum(lane.behind_key for lane in self._window_lanes())

    def by_processor(self) -> int:
        """All jobs, where the process has used a core nearly whole since this was asked before."""
        now, used = self._now(), self._used_s()
        passed_s = now - self._asked_at
        if passed_s >= _LEAST_S:
            self._is_busy = (used - self._used_then) / passed_s >= _BUSY
            self._asked_at, self._used_then = now, used
        return sum(lane.pending for lane in self._lanes()) if self._is_busy else 0

    def tell(self, tier: str) -> None:
        """Let the metrics say so from now on."""
        for by, count in (
            ("window", self.by_window),
            ("in_flight", self.by_in_flight),
            ("rate", self.by_rate),
            ("order_key", self.by_order_key),
            ("processor", self.by_processor),
        ):
            JOBS_HELD.labels(tier, by).set_function(count)

    def _window_lanes(self) -> list[WindowLane]:
        return [lane for lane in self._lanes() if isinstance(lane, WindowLane)]
