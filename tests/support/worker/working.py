"""A worker's handler in which everything is real except Kafka."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from pointsman.bus.codec.records import Outgoing
from pointsman.registry.cancellations import Cancellations
from pointsman.runtime.clock import Clock, utc_now
from pointsman.worker.calls.call import Target
from pointsman.worker.calls.call_context import call_context_of, target
from pointsman.worker.calls.prices import Prices
from pointsman.worker.handlers import WorkerHandler
from pointsman.worker.limits.agent_limits import Entries
from pointsman.worker.limits.call_limiter import Acquired
from pointsman.worker.limits.ceilings import Ceiling
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import ProviderRow, TierRow
from pointsman_schemas.topics import Topics
from tests.support.worker.alone import alone
from tests.support.worker.routed_jobs import routed
from tests.support.worker.tiny_provider import Asked, Respond, Tiny, tiny_provider

KEY = "sk-5ecret/of+the=house"
MODEL = "gpt-4.1-nano"


@asynccontextmanager
async def provider_of(tiny_or_url: Tiny | str, **row: Any) -> AsyncIterator[Provider]:
    url = tiny_or_url if isinstance(tiny_or_url, str) else tiny_or_url.base_url
    known = ProviderRow.model_validate({"name": "tiny", "base_url": url, "key_env": "TINY_KEY", **row})
    provider = Provider(known, known.key({"TINY_KEY": KEY}), max_in_flight=100)
    yield provider
    await provider.close()


class Worker:
    """A worker's handler in which everything is real except Kafka."""

    def __init__(
        self,
        provider: Provider,
        name: str = "small",
        *,
        clock: Clock = utc_now,
        topics: Topics | None = None,
        shared_limits: SharedLimits | None = None,
        fallback: Sequence[Target] = (),
        ceilings: Sequence[Ceiling] = (),
        entries: Entries = lambda _: None,
        send_chunk: Callable[[Outgoing], object] | None = None,
        **tier: Any,
    ) -> None:
        row = TierRow.model_validate(
            {"provider": "tiny", "model": MODEL, "first_wait_s": 0.001, "max_wait_s": 0.002, **tier}
        )
        self.cancellations = Cancellations()
        targets = [target(provider, Prices("openai"), row.model, ceilings), *fallback]
        self.call_context = call_context_of(
            name, row, targets, shared_limits or alone(), entries=entries, clock=clock
        )
        self.handler = WorkerHandler(
            self.call_context,
            topics or Topics(),
            cancellations=self.cancellations,
            send_chunk=send_chunk,
            clock=clock,
        )

    def pause(self, target: str, seconds: float) -> None:
        """Simulates a provider's request for a pause."""
        call = Acquired(uuid4(), target)
        self.call_context.limits.report(call, leave_alone_s=seconds)

    async def do(self, *args: Any, **request: Any) -> list[Outgoing]:
        return await self.handler(routed(*args, **request))


@asynccontextmanager
async def working(
    respond: Respond, *, row: dict[str, Any] | None = None, **tier: Any
) -> AsyncIterator[tuple[Tiny, Worker]]:
    async with tiny_provider(respond) as tiny, provider_of(tiny, **row or {}) as provider:
        yield tiny, Worker(provider, **tier)


def in_turn(*answers: bytes | Callable[[Asked], Any]) -> Respond:
    """One answer per request; the last one is repeated."""
    left = list(answers)

    def respond(asked: Asked) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer if isinstance(answer, bytes) else answer(asked)

    return respond
