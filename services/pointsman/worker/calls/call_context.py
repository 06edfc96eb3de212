"""What all calls of a tier share, built from `providers.yaml`; nothing is sent before the first call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pointsman.runtime.clock import Clock, utc_now
from pointsman.worker.calls.call import Target
from pointsman.worker.calls.prices import Prices
from pointsman.worker.calls.retry_budget import RetryBudget, RetryRule
from pointsman.worker.limits.agent_limits import Entries
from pointsman.worker.limits.breakers import Breakers, WatchedTarget
from pointsman.worker.limits.call_limiter import CallLimiter, Slots
from pointsman.worker.limits.call_reservation import CallReservation
from pointsman.worker.limits.ceilings import Ceiling
from pointsman.worker.limits.limits_file import target_of
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman.worker.providers import Provider
from pointsman.worker.providers.response import MAX_RESPONSE_BYTES
from pointsman.worker.providers_file import Providers, TierRow

#: How much longer than its call a probe may be without a word, seconds.
_PROBE_MORE_S = 10.0


@dataclass(frozen=True, slots=True)
class CallContext:
    """What all calls of one tier share; `targets` in the order in which they are tried.

    Once `closing` is set no call begins: jobs that would begin one are handed back.
    """

    tier: str
    row: TierRow
    targets: Sequence[Target]
    limits: CallLimiter
    retries: RetryBudget
    hedges: RetryBudget
    clock: Clock
    closing: asyncio.Event
    entries: Entries = lambda _: None


def targets_of(
    file: Providers, tier: str, *, clock: Clock = utc_now, most_bytes: int = MAX_RESPONSE_BYTES
) -> list[Target]:
    """The tier's model, those it falls back to, in order, and what it asks for embeddings.

    There is one client for each provider, and one for its embeddings.

    `most_bytes`: the largest answer that is taken.

    Raises:
        ValueError: a key is not there, no such prices, or a proxy that cannot be used.
    """
    row = file.tiers[tier]

    @cache
    def client(name: str, *, embeds: bool = False) -> tuple[Provider, Prices]:
        entry = file.provider(name)
        if embeds:
            entry = entry.model_copy(update={"format": "openai-embeddings"})
        provider = Provider(
            entry, entry.key(), max_in_flight=row.max_in_flight, clock=clock, most_bytes=most_bytes
        )
        return provider, Prices(entry.genai_prices_provider, entry.prices)

    ceilings = [ceiling for ceiling in file.ceilings if ceiling.is_for(tier)]
    targets = [target(*client(model.provider), model.model, ceilings) for model in row.models]
    if row.embeddings is not None:
        targets.append(target(*client(row.provider, embeds=True), row.embeddings, ceilings))
    return targets


def target(provider: Provider, prices: Prices, model: str, ceilings: Sequence[Ceiling] = ()) -> Target:
    """A provider's model with the limits in the provider's row, and the tier's ceilings."""
    name = target_of(provider.row.name, model)
    reservation = CallReservation(name, model, provider.row.limits.get(model), prices, ceilings)
    return Target(name, model, provider, prices, reservation)


def call_context_of(
    tier: str,
    row: TierRow,
    targets: Sequence[Target],
    shared_limits: SharedLimits,
    *,
    entries: Entries = lambda _: None,
    clock: Clock = utc_now,
) -> CallContext:
    """What the calls of one process have in common; its limits are shared through `shared_limits`.

    `entries`: the registry's, which may change at any time.
    """
    declared = {
        limit.budget: limit
        for target in targets
        for limit in target.reservation.declared(shared_limits.process)
    }
    watched = {
        target.name: WatchedTarget(rule, target.provider.row.timeout_s + _PROBE_MORE_S)
        for target in targets
        if (rule := target.provider.row.breaker) is not None
    }
    rate_limiter = RateLimiter(shared_limits, list(declared.values()))
    breakers = Breakers(shared_limits, watched)
    shared_limits.add(rate_limiter)
    shared_limits.add(breakers)
    closing = asyncio.Event()
    limits = CallLimiter(
        Slots(row.max_in_flight),
        closing,
        shared_limits=shared_limits,
        rate_limiter=rate_limiter,
        breakers=breakers,
        tier=tier,
        patience_s=row.patience_s,
    )
    retries, hedges = RetryBudget(row.retries), RetryBudget(row.hedge or RetryRule(share=0, floor=0))
    return CallContext(tier, row, targets, limits, retries, hedges, clock, closing, entries)
