"""Rows on their way into the table: each is chained as it passes."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from pointsman.store.append.chain import follow
from pointsman.store.append.lanes import Head, Lane, LockedLane, Move
from pointsman.store.append.row import Row

#: After so many rows what was written goes out, and Postgres takes them in while the next ones are made.
_PORTION = 40


class Linking:
    """Gives rows with `recorded_at` and `chain` behind them; knows, afterwards, where their lanes stand."""

    def __init__(self, rows: Iterable[Row], held: Mapping[Lane, LockedLane]) -> None:
        """The rows of each held lane come in its order; lanes may alternate."""
        self._rows = rows
        self._held = held
        self._chains = {lane: head.chain for lane, (head, _) in held.items()}
        self._added = dict.fromkeys(held, 0)

    async def __aiter__(self) -> AsyncIterator[tuple[object, ...]]:
        """Raises: KeyError where a row's lane is not held, and what `follow` raises."""
        for number, row in enumerate(self._rows, 1):
            lane = (row.topic, row.partition)
            clock = self._held[lane].clock
            chain = self._chains[lane] = follow(self._chains[lane], row, clock)
            self._added[lane] += 1
            yield (*row, clock, chain)
            if number % _PORTION == 0:
                await asyncio.sleep(0)

    def heads(self, moves: Mapping[Lane, Move]) -> dict[Lane, Head]:
        """Where the lanes stand when they have made these moves."""
        return {
            lane: Head(self._chains[lane], head.rows + self._added[lane], head.chained_from, moves[lane].next)
            for lane, (head, _) in self._held.items()
        }
