"""Figures are aligned to the right, and a text that is too long is continued or cut."""

import io

from rich.console import Console

from pointsman.runtime.terminal.plain_table import plain_table


def drawn(width: int, *, unbroken: bool) -> list[str]:
    """The lines of a table with one text and one figure."""
    table = plain_table("name", figures=("jobs",), unbroken=unbroken)
    table.add_row("abcdefgh", "7")
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_figures_are_aligned_to_the_right() -> None:
    assert drawn(40, unbroken=False) == ["name      jobs", "abcdefgh     7"]


def test_a_long_text_is_continued_unless_it_is_unbroken() -> None:
    assert drawn(12, unbroken=False) == ["name    jobs", "abcdef     7", "gh"]
    assert drawn(12, unbroken=True)[1:] == ["abcdef…    7"]
