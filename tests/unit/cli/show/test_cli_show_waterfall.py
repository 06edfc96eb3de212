"""The waterfall: one time scale, every message once, never wider than the screen."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pointsman.cli.show.waterfall import MOMENT, WAITING, WORKING, Scale, TimelineEvent, waterfall

BEGIN = datetime(2030, 1, 31, 12, tzinfo=UTC)


def at(milliseconds: float) -> datetime:
    return BEGIN + timedelta(milliseconds=milliseconds)


def event(
    start: float, end: float | None = None, word: str = "call", detail: str = "", lane: str = "calls/0@1"
) -> TimelineEvent:
    return TimelineEvent(at(start), at(start if end is None else end), word, "magenta", detail, lane)


def drawn(events: list[TimelineEvent], width: int = 80) -> list[str]:
    screen = Console(file=StringIO(), width=width, markup=False)
    screen.print(waterfall(events, width))
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_waiting_is_dotted_and_work_is_a_line() -> None:
    scale = Scale(at(0), at(100), cells=10)
    assert scale.bar(at(20), at(50), at(80)) == f"  {WAITING * 3}{WORKING * 4} "
    assert scale.bar(at(0), at(0), at(0)) == f"{MOMENT}         "
    assert scale.bar(at(100), at(100), at(100)) == f"         {MOMENT}"


@given(st.lists(st.floats(-1000, 2000), min_size=3, max_size=3), st.integers(1, 50))
def test_a_bar_is_always_as_wide_as_the_scale(times: list[float], cells: int) -> None:
    before, start, end = sorted(map(at, times))
    assert len(Scale(at(0), at(100), cells).bar(before, start, end)) == cells


def test_a_job_without_duration_is_shown() -> None:
    assert "0 ms" in drawn([event(0), event(0)])[1]


def test_messages_are_in_order_with_the_time_since_the_first() -> None:
    lines = drawn(
        [event(2745, word="completed"), event(0, word="submitted"), event(12, 420), event(2420, 2740)]
    )
    after = [" ".join(line.split()[:2]) for line in lines[1:]]
    assert after == ["0 ms", "12 ms", "2.42 s", "2.75 s"]
    words = {"submitted", "call", "completed"}
    assert [word for line in lines for word in line.split() if word in words] == [
        "submitted", "call", "call", "completed",
    ]  # fmt: skip
    waited = lines[3]
    assert waited.index(WAITING) < waited.index(WORKING)


@pytest.mark.parametrize("width", [80, 100, 240])
def test_it_fits_without_truncation(width: int) -> None:
    detail = "word " * 80
    lines = drawn([event(0, detail=detail, lane="tier.frontier-large/11@1234567890"), event(9)], width)
    assert max(map(len, lines)) <= width
    assert sum(line.count("word") for line in lines) == 80
    assert any("tier.frontier-large/11@1234567890" in line for line in lines)


def test_no_messages_is_no_error() -> None:
    assert drawn([]) == ["no messages"]
