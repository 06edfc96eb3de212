"""Bounds the broker's current time by this process's monotonic clock. Pure.

A record that was read was appended before that; a record of our own was appended after it was sent. Each
bounds the broker's clock from one side, whatever the difference of the clocks and the delay of reading. If
the bounds contradict each other, the broker's clock was set, and the newer bound holds.
"""

from math import inf

#: Tolerated contradiction of the bounds, in milliseconds.
_BY_CHANCE_MS = 60_000


class BrokerClock:
    """Gets the records read. `now`: the monotonic clock in seconds; other times in milliseconds."""

    def __init__(self) -> None:
        self._least = -inf
        self._most = inf

    def saw(self, at: int, now: float) -> None:
        """Note that a record with the time `at` was read at `now`."""
        least = at - now * 1000
        self._least = least if least < self._least - _BY_CHANCE_MS else max(self._least, least)
        if self._least > self._most + _BY_CHANCE_MS:
            self._most = inf

    def saw_own(self, at: int, sent: float) -> None:
        """Note that a record of this process, whose sending began at `sent`, has the time `at`."""
        self._most = at - sent * 1000

    def at_least(self, now: float) -> float:
        """Return the lower bound of the broker's clock; minus infinity before any record was read."""
        return self._least + now * 1000

    def at_most(self, now: float) -> float:
        """Return the upper bound of the broker's clock; infinity before a record of this process was read."""
        return self._most + now * 1000
