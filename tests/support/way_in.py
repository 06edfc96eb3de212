"""The way to a call, as a worker has it; imports little, so that many processes start fast."""

import asyncio

from pointsman.worker.agreement import Agreement
from pointsman.worker.breakers import Breakers
from pointsman.worker.gate import Gate
from pointsman.worker.turnstile import Turnstile


def turnstile(agreement: Agreement, gate: Gate, patience_s: float) -> Turnstile:
    """Fifty slots, no circuit breakers."""
    return Turnstile(
        asyncio.Semaphore(50),
        asyncio.Event(),
        agreement=agreement,
        gate=gate,
        breakers=Breakers(agreement, {}),
        tier="small",
        patience_s=patience_s,
    )
