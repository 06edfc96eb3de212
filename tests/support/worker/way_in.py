"""Sets up provider calls as a worker does, with few imports, so that many processes start fast."""

import asyncio

from pointsman.worker.limits.breakers import Breakers
from pointsman.worker.limits.call_limiter import CallLimiter, Slots
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits


def call_limiter(shared_limits: SharedLimits, rate_limiter: RateLimiter, patience_s: float) -> CallLimiter:
    """Fifty slots, no circuit breakers."""
    return CallLimiter(
        Slots(50),
        asyncio.Event(),
        shared_limits=shared_limits,
        rate_limiter=rate_limiter,
        breakers=Breakers(shared_limits, {}),
        tier="small",
        patience_s=patience_s,
    )
