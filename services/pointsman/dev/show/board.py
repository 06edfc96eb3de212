"""Two tables: topics with rate and lag, and outcomes and cost per tier."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from pointsman.bus.admin.lag import LaneLag
from pointsman.runtime.terminal.plain_table import plain_table
from pointsman.store.ask.answers import TierCost, TierOutcomes


@dataclass
class Board:
    """The table of topics. It keeps the first and the last counts to compute rates."""

    prefix: str
    _first: tuple[float, Mapping[str, int]] | None = None
    _last: tuple[float, Mapping[str, int]] | None = None

    def draw(self, lanes: Sequence[LaneLag], counts: Mapping[str, int], *, whole: bool = False) -> Table:
        """Return the table; `counts` are the audited records by topic.

        The rate is that since the previous call, or with `whole` that since the first.
        """
        now = time.monotonic()
        then, before = (self._first if whole else self._last) or (now, counts)
        seconds = max(now - then, 0.001)
        waiting = {lane.topic: lane for lane in lanes}
        figures = ("audited", "per second", "waiting", "oldest")
        table = plain_table("topic", figures=figures, header="bold")
        for topic, count in counts.items():
            lane = waiting.get(topic)
            table.add_row(
                topic.removeprefix(f"{self.prefix}."),
                f"{count:,}",
                f"{(count - before.get(topic, count)) / seconds:.0f}",
                f"{lane.waiting:,}" if lane else "",
                f"{lane.oldest_s:.1f} s" if lane and lane.oldest_s is not None else "",
            )
        self._last = (now, dict(counts))
        self._first = self._first or self._last
        return table


def outcomes_table(outcomes: Sequence[TierOutcomes], costs: Sequence[TierCost]) -> Table:
    """Return a table of outcomes per tier; the first line of a tier also has its calls, tokens and cost.

    A tier that escalated all its jobs has calls but no outcome.
    """
    left = {cost.tier: cost for cost in costs}
    figures = ("jobs", "calls", "tokens in", "tokens out", "cost")
    table = plain_table("tier", "outcome", figures=figures, header="bold")
    for ended in outcomes:
        cost = left.pop(ended.tier, None)
        table.add_row(
            ended.tier or "(not routed)",
            ended.status + (f": {ended.error_type}" if ended.error_type else ""),
            f"{ended.jobs:,}",
            *(_cost(cost) if cost else ("", "", "", "")),
        )
    for cost in left.values():
        table.add_row(cost.tier or "", "ended elsewhere", "0", *_cost(cost))
    return table


def _cost(cost: TierCost) -> tuple[str, str, str, str]:
    dollars = "unknown" if cost.cost_usd is None else f"${cost.cost_usd:.6f}"
    return f"{cost.calls:,}", f"{cost.tokens_in or 0:,}", f"{cost.tokens_out or 0:,}", dollars
