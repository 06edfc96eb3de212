"""Bounds of the broker's clock now, from this process's monotonic clock: pure.

A record that was read was appended earlier; a record of our own was appended after we sent it. Each bounds
the broker's clock from one side, however the clocks differ and however late we read. If the bounds contradict
each other, the broker's clock was set, and the newer bound holds.
"""

from math import inf

#: So much the bounds may differ by chance, milliseconds.
_BY_CHANCE_MS = 60_000


class BrokerClock:
    """Feed it the records read; `now`: the monotonic clock in seconds, all other times in milliseconds."""

    def __init__(self) -> None:
        self._least = -inf
        self._most = inf

    def saw(self, at: int, now: float) -> None:
        """A record of the time `at` was read at `now`."""
        least = at - now * 1000
        self._least = least if least < self._least - _BY_CHANCE_MS else max(self._least, least)
        if self._least > self._most + _BY_CHANCE_MS:
            self._most = inf

    def saw_own(self, at: int, sent: float) -> None:
        """A record of ours has the time `at`; sending it began at `sent`."""
        self._most = at - sent * 1000

    def at_least(self, now: float) -> float:
        """The broker's clock shows this or more; minus infinity before anything was read."""
        return self._least + now * 1000

    def at_most(self, now: float) -> float:
        """The broker's clock shows this or less; infinity before anything of ours was read."""
        return self._most + now * 1000
