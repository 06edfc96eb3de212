"""The way to a call: its target is whole and not paused, a slot is free, and the shared limits have room."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from pointsman.runtime.metrics import LIMIT_SECONDS
from pointsman.worker.limits.breakers import Breakers, ShutError
from pointsman.worker.limits.grant import CallGrant
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits


class NoRoomError(Exception):
    """A limit that this call cannot get past; `limit` names it."""

    def __init__(self, limit: str, said: str) -> None:
        super().__init__(said)
        self.limit = limit


@dataclass(slots=True)
class Wait:
    """What a job waited for when its waiting was broken off; empty when it did not wait."""

    held_by: str = ""


@dataclass(slots=True)
class Turn:
    """A call may be made; say here what it came to.

    `used`: of the budgets where that is not what was reserved. `went_well`: the provider's part in it, None
    where it had none.
    """

    used: Mapping[str, int] = field(default_factory=dict)
    went_well: bool | None = None


class CallLimiter:
    """`slots` bounds the calls under way in this process; once `closing` is set, none begins.

    Who waits for a shared limit holds no slot; who waits for a slot holds no grant.
    """

    def __init__(
        self,
        slots: asyncio.Semaphore,
        closing: asyncio.Event,
        *,
        shared_limits: SharedLimits,
        rate_limiter: RateLimiter,
        breakers: Breakers,
        tier: str,
        patience_s: float,
    ) -> None:
        self._tier = tier
        self._slots = slots
        self._closing = closing
        self._shared = shared_limits
        self._rate_limiter = rate_limiter
        self._breakers = breakers
        self._patience_s = patience_s

    @asynccontextmanager
    async def turn(
        self,
        job_id: UUID,
        target: str,
        wants: Mapping[str, int],
        wait: Wait,
        *,
        elsewhere: Callable[[], bool] | None = None,
        in_haste: bool = False,
    ) -> AsyncGenerator[Turn, None]:
        """Inside, one call of `target` may be made. `elsewhere`: whether another target may be called now.

        Raises:
            ShutError: it is paused or broken, or `in_haste` has no room at once, and another may be called.
            NoRoomError: a limit refused it, or there was no room for `patience_s` seconds.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        grant: CallGrant | None = None
        probe = False
        turn = Turn()
        try:
            while True:
                async with self._patiently(began + self._patience_s, grant, target, wait):
                    await self._clear(target, elsewhere or _nowhere)
                    probe = probe or await self._breakers.enter(target, elsewhere or _nowhere)
                    if grant is not None:
                        await grant.decided.wait()
                async with self._slots:
                    if self._rate_limiter.pause_left(target) or not (probe or self._breakers.closed(target)):
                        pass  # since we looked
                    elif not wants:
                        self._stop_if_closing()
                        yield turn
                        return
                    else:
                        if grant is None:
                            grant = self._rate_limiter.ask(
                                job_id, target, wants, elsewhere=elsewhere is not None
                            )
                            await grant.answered.wait()
                        if self._rate_limiter.good(grant, target):
                            LIMIT_SECONDS.labels(self._tier).observe(loop.time() - began)
                            self._stop_if_closing()
                            grant.used = True
                            yield turn
                            return
                if in_haste and grant and not grant.decided.is_set() and (elsewhere or _nowhere)():
                    wait.held_by = self._held_by(grant, target)
                    raise ShutError(target)
                grant = self._still_good_for_something(grant)
        finally:
            if grant is not None:
                self._rate_limiter.settle(grant, turn.used if grant.used else dict.fromkeys(grant.wants, 0))
            self._breakers.saw(target, turn.went_well, probe=probe)

    def _stop_if_closing(self) -> None:
        if self._closing.is_set():
            raise asyncio.CancelledError("no call begins any more")

    def _still_good_for_something(self, grant: CallGrant | None) -> CallGrant | None:
        """A place in the queue is kept; a grant that came to nothing is asked for again, a refusal is not."""
        if grant is None or not grant.decided.is_set():
            return grant
        self._rate_limiter.settle(grant, dict.fromkeys(grant.wants, 0))
        if grant.state == "refused":
            raise NoRoomError(grant.budget, self._rate_limiter.refused_because(grant))
        return None

    async def _clear(self, target: str, elsewhere: Callable[[], bool]) -> None:
        """Return when `target` is not paused, as far as the log has been read."""
        await self._shared.joined.wait()
        while left := self._rate_limiter.pause_left(target):
            if elsewhere():
                raise ShutError(target)
            await self._rate_limiter.rest(target, left)

    @asynccontextmanager
    async def _patiently(
        self, give_up: float, grant: CallGrant | None, target: str, wait: Wait
    ) -> AsyncGenerator[None, None]:
        try:
            async with asyncio.timeout_at(give_up) as limit:
                yield
        except (asyncio.CancelledError, TimeoutError) as error:
            wait.held_by = self._held_by(grant, target)
            if isinstance(error, TimeoutError) and limit.expired():
                said = f"it waited {self._patience_s:g} s for {wait.held_by}"
                raise NoRoomError(wait.held_by, said) from None
            raise

    def _held_by(self, grant: CallGrant | None, target: str) -> str:
        if not self._shared.joined.is_set():
            return "the shared limits"
        if not self._rate_limiter.pause_left(target) and not self._breakers.closed(target):
            return f"{target} broken"
        return self._rate_limiter.held_by(grant, target)


def _nowhere() -> bool:
    return False
