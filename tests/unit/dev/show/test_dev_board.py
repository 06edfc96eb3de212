"""The tables of `pointsman dev`."""

from decimal import Decimal

import pytest
from rich.console import Console
from rich.table import Table

from pointsman.bus.admin.lag import LaneLag, PartitionLag
from pointsman.dev.show.board import Board, outcomes_table
from pointsman.store.ask.answers import TierCost, TierOutcomes


def lines(table: Table) -> list[list[str]]:
    """The cells of each row, below the header."""
    console = Console(width=200)
    with console.capture() as captured:
        console.print(table)
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in captured.get().splitlines()[1:]
    ]


def test_rates_are_since_the_last_update_and_finally_overall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([100.0, 101.0, 103.0, 104.0])
    monkeypatch.setattr("pointsman.dev.show.board.time.monotonic", lambda: next(times))
    board = Board("p")
    assert lines(board.draw([], {"p.calls": 5})) == [["calls", "5", "0"]]
    assert lines(board.draw([], {"p.calls": 25})) == [["calls", "25", "20"]]
    assert lines(board.draw([], {"p.calls": 85})) == [["calls", "85", "30"]]
    assert lines(board.draw([], {"p.calls": 85}, whole=True)) == [["calls", "85", "20"]]


def test_waiting_records_are_shown_beside_their_topic() -> None:
    partitions = (PartitionLag(0, 2000, 800, 1200, True, 2.34), PartitionLag(1, 34, None, 34, True, 0.5))
    lane = LaneLag("p.jobs.tier.small", "g", "small", partitions)
    rows = lines(Board("p").draw([lane], {"p.jobs.tier.small": 2000, "p.calls": 1}))
    assert rows == [["jobs.tier.small", "2,000", "0", "1,234", "2.3 s"], ["calls", "1", "0"]]


def test_a_tier_where_no_job_ended_shows_what_its_calls_cost() -> None:
    outcomes = [TierOutcomes("medium", "completed", None, 3)]
    costs = [
        TierCost("medium", 3, 3, 0, 0, 10, 20, Decimal("0.2")),
        TierCost("small", 3, 3, 0, 0, 10, 20, Decimal("0.1")),
    ]
    assert lines(outcomes_table(outcomes, costs)) == [
        ["medium", "completed", "3", "3", "10", "20", "$0.200000"],
        ["small", "ended elsewhere", "0", "3", "10", "20", "$0.100000"],
    ]


def test_a_tier_shows_its_cost_once_and_an_unknown_cost_as_unknown() -> None:
    outcomes = [
        TierOutcomes(None, "rejected", "unknown_tier", 1),
        TierOutcomes("small", "completed", None, 3),
        TierOutcomes("small", "failed", "timeout", 2),
        TierOutcomes("medium", "completed", None, 1),
    ]
    costs = [
        TierCost("small", 5, 7, 2, 0, 1500, 300, Decimal("0.0001234567")),
        TierCost("medium", 1, 1, 0, 1, None, None, None),
    ]
    assert lines(outcomes_table(outcomes, costs)) == [
        ["(not routed)", "rejected: unknown_tier", "1"],
        ["small", "completed", "3", "7", "1,500", "300", "$0.000123"],
        ["small", "failed: timeout", "2"],
        ["medium", "completed", "1", "1", "0", "0", "unknown"],
    ]
