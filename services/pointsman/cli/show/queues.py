"""The waiting records, as a table for people and as a flat list for an autoscaler."""

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from pointsman.bus.admin.lag import LaneLag, PartitionLag
from pointsman.cli.formats import duration
from pointsman.cli.show.passing import short_topic
from pointsman.runtime.terminal.plain_table import plain_table
from pointsman_schemas.topics import Topics


def table(lags: Sequence[LaneLag], topics: Topics, *, by_partition: bool = False) -> RenderableType:
    """Return a table with a row per topic and one for all that the audit reads, or a row per partition."""
    figures = (*(("committed", "end") if by_partition else ()), "waiting", "oldest")
    rows = plain_table("lane" if by_partition else "topic", figures=figures, unbroken=True)
    rows.add_column("read by", style="dim", overflow="fold")
    audited = [lane for lane in lags if lane.group == f"{topics.prefix}.audit"]
    for lane in lags:
        name, reader = short_topic(lane.topic, topics), lane.group.removeprefix(f"{topics.prefix}.")
        if by_partition:
            for partition in lane.partitions:
                committed = "-" if partition.committed is None else str(partition.committed)
                waits = _waiting(partition.waiting, partition.exact, partition.oldest_s)
                rows.add_row(f"{name}/{partition.partition}", committed, str(partition.end), *waits, reader)
        elif lane not in audited:
            rows.add_row(name, *_waiting(lane.waiting, lane.exact, lane.oldest_s), reader)
    if audited and not by_partition:
        oldest = max((lane.oldest_s for lane in audited if lane.oldest_s is not None), default=None)
        waiting, exact = sum(lane.waiting for lane in audited), all(lane.exact for lane in audited)
        rows.add_row("every topic", *_waiting(waiting, exact, oldest), "audit")
    return rows


def flat(lags: Sequence[LaneLag], *, by_partition: bool = False) -> list[dict[str, Any]]:
    """Return dicts with `group`, `topic`, `tier` (or null), `waiting`, `exact` and `oldest_seconds`.

    `waiting` is an upper bound if `exact` is false; `oldest_seconds` is null if nothing waits. By partition,
    there are also `partition`, `committed` and `end`.
    """
    return [
        {
            "group": lane.group,
            "topic": lane.topic,
            "tier": lane.tier,
            **({} if isinstance(partition, LaneLag) else _place(partition)),
            "waiting": partition.waiting,
            "exact": partition.exact,
            "oldest_seconds": partition.oldest_s,
        }
        for lane in lags
        for partition in (lane.partitions if by_partition else (lane,))
    ]


def _place(partition: PartitionLag) -> dict[str, int | None]:
    return {"partition": partition.partition, "committed": partition.committed, "end": partition.end}


def _waiting(waiting: int, exact: bool, oldest_s: float | None) -> tuple[Text, Text]:
    """Draw the number, with `≤` before an upper bound, and the age, both coloured by age."""
    colour = "" if not waiting else "yellow" if (oldest_s or 0) < 60 else "red"
    number = f"{waiting:,}" if exact else f"≤ {waiting:,}"
    return Text(number, colour), Text("-" if oldest_s is None else duration(oldest_s), colour)
