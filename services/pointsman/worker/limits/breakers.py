"""This process's part in the shared circuit breakers: reports failures, and requests to probe."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pointsman.limits.breaker import BreakerRule
from pointsman.limits.ledger import TicketAnswer
from pointsman.worker.limits.errors import ShutError
from pointsman.worker.limits.shared_limits import Keyed, LimitsUser, SharedLimits
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import BreakerCounted, BreakerTurned


@dataclass(frozen=True, slots=True)
class WatchedTarget:
    """A target's breaker rule; a probe without a result for `probe_s` seconds is lost."""

    rule: BreakerRule
    probe_s: float


class Breakers(LimitsUser):
    """Targets that are not in `watched` have no breaker. Successful calls write nothing to the log."""

    def __init__(self, shared_limits: SharedLimits, watched: Mapping[str, WatchedTarget]) -> None:
        self._shared = shared_limits
        self._watched = watched
        # Successful calls since the last report: pairs of second and count.
        self._ok: defaultdict[str, deque[tuple[int, int]]] = defaultdict(deque)
        self._failed: Counter[str] = Counter()
        self._probe: dict[str, Literal["asked", "free", "taken"]] = {}

    def closed(self, target: str) -> bool:
        """Whether every process may call the target."""
        return target not in self._watched or self._shared.ledger.breaker(target).state == "closed"

    def shut_for(self, target: str) -> float:
        """Return the seconds until this process may call the target, as far as the log was read."""
        if self.closed(target) or self._probe.get(target) == "free" or self._probe_due(target):
            return 0.0
        return max(self._left_s(target), 0.001)

    async def enter(self, target: str, elsewhere: Callable[[], bool]) -> bool:
        """Return when `target` may be called; True for the one call that is the probe.

        Raises:
            ShutError: it may not, and `elsewhere` returns true: another target may be called.
        """
        while not self.closed(target):
            if self._probe.get(target) == "free":
                self._probe[target] = "taken"
                return True
            if self._probe_due(target):
                self._probe[target] = "asked"
                self._shared.say(self._turned(target, "probing", self._watched[target].probe_s))
            elif elsewhere():
                raise ShutError(target)
            left_s = self._left_s(target)
            await self._shared.moved(within=left_s if left_s > 0 else None)
        return False

    def saw(self, target: str, went_well: bool | None, *, probe: bool) -> None:
        """Count the result of a call. `went_well`: None if the result says nothing about the provider."""
        if target not in self._watched:
            return
        if went_well:
            self._count_ok(target)
        elif went_well is False:
            self._failed[target] += 1
            self._shared.wake()
        if probe and went_well is None:
            self._probe[target] = "free"  # this process's next call is the probe
        elif probe:
            self._probe.pop(target, None)
            again_s = self._shared.ledger.breaker(target).open_s(self._watched[target].rule)
            opened = self._turned(target, "open", again_s)
            self._shared.say(self._turned(target, "closed", 0) if went_well else opened)

    # --- as a part of the shared limits

    def begin(self) -> Sequence[Keyed]:
        """Forget the probe. If one was in flight, it counts as lost after its time."""
        self._probe.clear()
        return ()

    def hear(self, message: Message, answers: Sequence[TicketAnswer], at: int) -> Sequence[Keyed]:
        """Open a breaker if this process's report shows that its target is broken, and note who probes."""
        match message:
            case BreakerCounted(process=self._shared.process, target=target) if target in self._watched:
                breaker, rule = self._shared.ledger.breaker(target), self._watched[target].rule
                if breaker.should_open(rule, self._shared.ledger.at):
                    return [self._turned(target, "open", breaker.open_s(rule))]
            case BreakerTurned(target=target):
                if self._shared.ledger.breaker(target).prober != self._shared.process:
                    self._probe.pop(target, None)
                elif self._probe.get(target) == "asked":
                    self._probe[target] = "free"
            case _:
                pass
        return ()

    def take(self) -> list[Keyed]:
        """Return reports on the targets with failed calls."""
        failed, self._failed = self._failed, Counter()
        process = self._shared.process
        return [
            (target, BreakerCounted(process=process, target=target, ok=self._oks(target), failed=count))
            for target, count in failed.items()
        ]

    def _left_s(self, target: str) -> float:
        until, now = self._shared.ledger.breaker(target).until, self._shared.now()
        return (until - self._shared.clock.at_least(now)) / 1000

    def _probe_due(self, target: str) -> bool:
        now = self._shared.clock.at_least(self._shared.now())
        return target not in self._probe and self._shared.ledger.breaker(target).may_probe(now)

    def _turned(self, target: str, to: Literal["open", "probing", "closed"], seconds: float) -> Keyed:
        return target, BreakerTurned(process=self._shared.process, target=target, to=to, seconds=seconds)

    def _count_ok(self, target: str) -> None:
        second, counts = int(self._shared.now()), self._ok[target]
        before = counts.pop()[1] if counts and counts[-1][0] == second else 0
        counts.append((second, before + 1))
        while counts[0][0] < second - self._watched[target].rule.within_s:
            counts.popleft()

    def _oks(self, target: str) -> int:
        since = self._shared.now() - self._watched[target].rule.within_s
        counts = self._ok.pop(target, deque())
        return sum(count for second, count in counts if second >= since)
