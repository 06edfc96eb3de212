"""How many of a tier's jobs wait, and for what: counted when the metrics are scraped."""

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


def tell_held_jobs(
    tier: str,
    lanes: Callable[[], Sequence[Lane]],
    limits: CallLimiter,
    *,
    used_s: Callable[[], float] = time.process_time,
) -> dict[str, Callable[[], int]]:
    """Export the counts as metrics, and return them. `used_s`: processor seconds of the process."""
    asked_at, used_then, is_busy = time.monotonic(), used_s(), False

    def behind_processor() -> int:
        """All jobs, where the process has used a core nearly whole since this was asked before."""
        nonlocal asked_at, used_then, is_busy
        now, used = time.monotonic(), used_s()
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
