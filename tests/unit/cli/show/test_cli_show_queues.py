"""Display of lag, for people and for an autoscaler."""

from io import StringIO

import pytest
from rich.console import Console

from pointsman.bus.admin.lag import LaneLag, PartitionLag
from pointsman.cli.show.queues import flat, table
from pointsman_schemas.topics import Topics

TOPICS = Topics("p")
FOUND = [
    LaneLag("p.jobs.intake", "p.router", None, (PartitionLag(0, 10, 10, 0, True, None),)),
    LaneLag(
        "p.jobs.tier.small",
        "p.worker.small",
        "small",
        (PartitionLag(0, 20, 8, 12, True, 3.5), PartitionLag(1, 9000, None, 9000, False, 200.0)),
    ),
    LaneLag("p.jobs.intake", "p.audit", None, (PartitionLag(0, 10, 9, 1, True, 1.0),)),
    LaneLag("p.calls", "p.audit", None, (PartitionLag(0, 10, 8, 2, True, 0.5),)),
]


def drawn(*, by_partition: bool = False, width: int = 80) -> list[str]:
    screen = Console(file=StringIO(), width=width)
    screen.print(table(FOUND, TOPICS, by_partition=by_partition))
    return [" ".join(line.split()) for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_one_row_per_lane_and_one_for_the_audit() -> None:
    assert drawn() == [
        "topic waiting oldest read by",
        "intake 0 - router",
        "tier.small ≤ 9,012 3 min 20 s worker.small",
        "every topic 3 1.00 s audit",
    ]


def test_rows_by_partition_are_not_summed() -> None:
    assert drawn(by_partition=True)[2:4] == [
        "tier.small/0 8 20 12 3.50 s worker.small",
        "tier.small/1 - 9000 ≤ 9,000 3 min 20 s worker.small",
    ]


@pytest.mark.parametrize("by_partition", [False, True])
def test_it_fits_eighty_columns(by_partition: bool) -> None:
    topics = Topics("pointsman")
    full = PartitionLag(11, 123_456_789, 123_456_700, 999_999, False, 200.0)
    lags = [LaneLag("pointsman.jobs.tier.frontier", "pointsman.worker.frontier", "frontier", (full,))]
    screen = Console(file=StringIO(), width=80)
    screen.print(table(lags, topics, by_partition=by_partition))
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert not any("…" in line for line in lines)


def test_a_scaler_reads_a_flat_list() -> None:
    assert flat(FOUND)[1] == {
        "group": "p.worker.small", "topic": "p.jobs.tier.small", "tier": "small",
        "waiting": 9012, "exact": False, "oldest_seconds": 200.0,
    }  # fmt: skip
    assert [row["topic"] for row in flat(FOUND)] == [lane.topic for lane in FOUND]


def test_by_partition_a_scaler_gets_each() -> None:
    rows = flat(FOUND, by_partition=True)
    assert [(row["partition"], row["committed"], row["waiting"]) for row in rows[1:3]] == [
        (0, 8, 12), (1, None, 9000),
    ]  # fmt: skip
