"""All limits of a provider call: `available` chooses a target, `acquire` before the call, `report` after it.

A call may begin when its target is neither broken nor paused, a slot is free, and shared limits have room.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from math import inf
from typing import Literal
from uuid import UUID

from pointsman.runtime.metrics import LIMIT_SECONDS, PAUSED
from pointsman.worker.limits.breakers import Breakers
from pointsman.worker.limits.errors import NoRoomError, ShutError
from pointsman.worker.limits.grant import CallGrant
from pointsman.worker.limits.rate_limiter import RateLimiter
from pointsman.worker.limits.shared_limits import SharedLimits
from pointsman_schemas.control.limits import LimitDeclared


@dataclass(slots=True)
class Wait:
    """What a job was waiting for when its wait was interrupted; empty if it did not wait."""

    held_by: str = ""


@dataclass(eq=False, slots=True)
class Acquired:
    """A permitted call of `target`. `grant`: from the shared limits; None if none applies."""

    job_id: UUID
    target: str
    grant: CallGrant | None = None
    #: Whether this call probes a broken target.
    probe: bool = False
    reported: bool = False


class Slots(asyncio.Semaphore):
    """Limits concurrent calls; `waiting`: calls that wait for a slot."""

    waiting = 0

    async def acquire(self) -> Literal[True]:
        self.waiting += 1
        try:
            return await super().acquire()
        finally:
            self.waiting -= 1


class CallLimiter:
    """`slots` limits the calls in flight in this process; once `closing` is set, no call begins.

    A call that waits for a shared limit holds no slot; one that waits for a slot holds no grant.
    """

    def __init__(
        self,
        slots: Slots,
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
        #: Calls that wait for the shared limits, for the end of a pause or for a breaker.
        self.waiting_for_rate = 0

    @property
    def waiting_for_slot(self) -> int:
        """Calls that wait for a free slot."""
        return self._slots.waiting

    def available(self, target: str, amounts: Mapping[str, int] | None = None) -> float:
        """Return the seconds until `target` may be called, as far as the log was read; 0 for now.

        Infinite if the shared limits have no room for `amounts` now.
        """
        if not self._rate_limiter.has_room(amounts or {}):
            return inf
        return max(self._rate_limiter.pause_left(target), self._breakers.shut_for(target))

    @asynccontextmanager
    async def acquire(
        self,
        job_id: UUID,
        target: str,
        amounts: Mapping[str, int],
        wait: Wait,
        *,
        after_s: float = 0.0,
        elsewhere: Callable[[], bool] | None = None,
        in_haste: bool = False,
        declared: Callable[[str], Sequence[LimitDeclared]] = lambda _: (),
        most_waiting: Mapping[str, int] | None = None,
    ) -> AsyncGenerator[Acquired, None]:
        """Wait until one call of `target` may begin, and permit it while inside.

        `amounts`: what the call takes of each shared limit. `declared`: returns, for a process id, those of
        these limits that may be new or changed. `most_waiting`: for some of them, how many calls of this
        process may wait. `after_s`: wait so many seconds first, unless a person resumes the target.
        `elsewhere`: whether another target may be called now.

        Raises:
            ShutError: another target may be called, and this one is paused, broken or, if `in_haste`, has no
                room now.
            NoRoomError: a limit refused the call, or there was no room for `patience_s` seconds.
        """
        if after_s > 0:
            with self._held_by_rate():
                await self._rate_limiter.rest(target, after_s)
        self._rate_limiter.declare(declared(self._shared.process))
        for limit, most in (most_waiting or {}).items():
            if limit in amounts and self._rate_limiter.waiting_for(limit) >= most:
                raise NoRoomError(
                    limit, f"{limit} has no room for the call, and {most} calls wait for it already"
                )
        loop = asyncio.get_running_loop()
        began = loop.time()
        other_ready = elsewhere or (lambda: False)
        call = Acquired(job_id, target)
        try:
            while True:
                async with self._patiently(began + self._patience_s, call, wait):
                    await self._clear(target, other_ready)
                    call.probe = call.probe or await self._breakers.enter(target, other_ready)
                    if call.grant is not None:
                        await call.grant.decided.wait()
                async with self._slots:
                    if await self._may_begin(call, amounts, has_others=elsewhere is not None):
                        if self._closing.is_set():
                            raise asyncio.CancelledError("no call begins any more")
                        if call.grant is not None:
                            LIMIT_SECONDS.labels(self._tier).observe(loop.time() - began)
                            call.grant.begun = True
                        yield call
                        return
                if in_haste and call.grant and not call.grant.decided.is_set() and other_ready():
                    wait.held_by = self._held_by(call)
                    raise ShutError(target)
                self._drop_what_came_to_nothing(call)
        finally:
            if not call.reported:
                self.report(call)

    def report(
        self,
        call: Acquired,
        used: Mapping[str, int] | None = None,
        *,
        went_well: bool | None = None,
        leave_alone_s: float = 0.0,
    ) -> None:
        """Record the result of the call.

        `used`: the amounts of those limits for which they are not what was reserved. `went_well`: whether the
        provider worked, None if unknown. `leave_alone_s`: pause the target for so many seconds.
        """
        call.reported = True
        if leave_alone_s:
            PAUSED.labels(call.target).inc()
            self._rate_limiter.pause(call.target, leave_alone_s)
        if call.grant is not None:
            self._rate_limiter.settle(call.grant, used or {})
        self._breakers.saw(call.target, went_well, probe=call.probe)

    async def _may_begin(self, call: Acquired, amounts: Mapping[str, int], *, has_others: bool) -> bool:
        """Whether the call may begin now that it has a slot. The first time, this requests the grant."""
        if self._rate_limiter.pause_left(call.target) or not (
            call.probe or self._breakers.closed(call.target)
        ):
            return False
        if amounts and call.grant is None:
            call.grant = self._rate_limiter.ask(call.job_id, call.target, amounts, elsewhere=has_others)
            await call.grant.answered.wait()
        return self._rate_limiter.good(call.grant, call.target)

    def _drop_what_came_to_nothing(self, call: Acquired) -> None:
        """Keep a queued request; drop a grant that is no longer valid, to request another."""
        grant = call.grant
        if grant is None or not grant.decided.is_set():
            return
        self._rate_limiter.settle(grant, {})
        if grant.state == "refused":
            raise NoRoomError(grant.budget, self._rate_limiter.refused_because(grant))
        call.grant = None

    async def _clear(self, target: str, elsewhere: Callable[[], bool]) -> None:
        """Return when `target` is not paused, as far as the log was read."""
        await self._shared.joined.wait()
        while pause_s := self._rate_limiter.pause_left(target):
            if elsewhere():
                raise ShutError(target)
            await self._rate_limiter.rest(target, pause_s)

    @contextmanager
    def _held_by_rate(self) -> Iterator[None]:
        self.waiting_for_rate += 1
        try:
            yield
        finally:
            self.waiting_for_rate -= 1

    @asynccontextmanager
    async def _patiently(self, give_up: float, call: Acquired, wait: Wait) -> AsyncGenerator[None, None]:
        try:
            with self._held_by_rate():
                async with asyncio.timeout_at(give_up) as limit:
                    yield
        except (asyncio.CancelledError, TimeoutError) as error:
            wait.held_by = self._held_by(call)
            if isinstance(error, TimeoutError) and limit.expired():
                reason = f"it waited {self._patience_s:g} s for {wait.held_by}"
                raise NoRoomError(wait.held_by, reason) from None
            raise

    def _held_by(self, call: Acquired) -> str:
        if not self._shared.joined.is_set():
            return "the shared limits"
        if not self._rate_limiter.pause_left(call.target) and not self._breakers.closed(call.target):
            return f"{call.target} broken"
        return self._rate_limiter.held_by(call.grant, call.target)
