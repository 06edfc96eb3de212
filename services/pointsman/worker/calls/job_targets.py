"""The targets that one job may still call, and when: pure, but for the time."""

from collections.abc import Callable, Mapping
from time import monotonic

from pointsman.worker.calls.call import Target
from pointsman.worker.calls.call_context import CallContext
from pointsman.worker.limits.agent_limits import AgentLimits
from pointsman.worker.limits.errors import UnknownPriceError
from pointsman_schemas.base import Json


class JobTargets:
    """A job's remaining targets, in the order in which they are tried; there is always at least one."""

    def __init__(
        self,
        call_context: CallContext,
        agent: AgentLimits,
        request_of: Callable[[Target], Json],
        *,
        embeds: bool,
    ) -> None:
        """`request_of`: the request as a target gets it. `embeds`: whether it is for embeddings."""
        self._limits = call_context.limits
        self._clock = call_context.clock
        self._agent = agent
        self._request_of = request_of
        suited = [target for target in call_context.targets if target.embeds is embeds]
        # If no target suits the request, the first one refuses it, without a call.
        self._remaining = suited or list(call_context.targets[:1])
        self._paused_until: dict[str, float] = {}
        self._amounts: dict[str, Mapping[str, int]] = {}

    def next(self) -> Target:
        """Return the first that may be called now, else the one that may be called soonest."""
        return min(self._remaining, key=self._ready_in)

    def for_hedge(self, target: Target) -> Target:
        """Return the target of a hedge: another than `target` if one may be called now, else the same."""
        others = (other for other in self._remaining if other is not target and self._may_call(other))
        return next(others, target)

    def is_another_ready(self, target: Target) -> bool:
        """Whether a target other than this one may be called now."""
        return any(self._may_call(other) for other in self._remaining if other is not target)

    def is_last(self) -> bool:
        """Whether only one target is left."""
        return len(self._remaining) == 1

    def drop(self, target: Target) -> bool:
        """Drop this target; False, and it stays, if it is the last one."""
        if self.is_last():
            return False
        self._remaining.remove(target)
        return True

    def move_to_end(self, target: Target) -> None:
        """Try the others first."""
        self._remaining.sort(key=lambda other: other is target)

    def pause(self, target: Target, pause_s: float) -> None:
        """Do not call this target for `pause_s` seconds."""
        self._paused_until[target.name] = monotonic() + pause_s

    def end_pause(self, target: Target) -> float:
        """Remove the target's pause; return the seconds that were left of it, at most 0 if it was over."""
        return self._paused_until.pop(target.name, 0.0) - monotonic()

    def _ready_in(self, target: Target) -> float:
        """Seconds until it may be called, by the limits and by this job's own pauses."""
        pause_s = self._paused_until.get(target.name, 0.0) - monotonic()
        return max(self._limits.available(target.name), pause_s)

    def _may_call(self, target: Target) -> bool:
        if self._ready_in(target):
            return False
        if target.name not in self._amounts:
            try:
                request = self._request_of(target)
                self._amounts[target.name] = target.reservation.before(request, self._agent, self._clock())
            except UnknownPriceError:
                return False
        return not self._limits.available(target.name, self._amounts[target.name])
