"""Counts a tier's waiting jobs by what they wait for, when the metrics are scraped."""

import time
from collections.abc import Callable, Sequence

from pointsman.bus.consume.lane import Lane
from pointsman.bus.consume.window_lane import WindowLane
from pointsman.runtime.metrics import JOBS_HELD
from pointsman.worker.limits.call_limiter import CallLimiter

#: The share of one core above which jobs count as waiting for the processor.
_BUSY = 0.9
#: The shortest time over which that share is measured, in seconds.
_LEAST_S = 0.2


def tell_held_jobs(
    tier: str, lanes: Callable[[], Sequence[Lane]], limits: CallLimiter
) -> dict[str, Callable[[], int]]:
    """Export the counts as metrics, and return them."""
    asked_at, used_then, is_busy = time.monotonic(), time.process_time(), False

    def behind_processor() -> int:
        """Return all pending jobs if the process has been busy since the last call, else 0."""
        nonlocal asked_at, used_then, is_busy
        now, used = time.monotonic(), time.process_time()
        if now - asked_at >= _LEAST_S:
            is_busy = (used - used_then) / (now - asked_at) >= _BUSY
            asked_at, used_then = now, used
        return sum(lane.pending for lane in lanes()) if is_busy else 0

    counts: dict[str, Callable[[], int]] = {
        "window": lambda: sum(lane.beyond_window for lane in lanes() if isinstance(lane, WindowLane)),
        "in_flight": lambda: limits.waiting_for_slot,
        "rate": lambda: limits.waiting_for_rate,
        "order_key": lambda: sum(lane.behind_key for lane in lanes() if isinstance(lane, WindowLane)),
        "processor": behind_processor,
    }
    for by, count in counts.items():
        JOBS_HELD.labels(tier, by).set_function(count)
    return counts
