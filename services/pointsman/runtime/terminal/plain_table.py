"""The layout of tables of text and figures, without lines."""

from collections.abc import Sequence

from rich.table import Table


def plain_table(
    *texts: str, figures: Sequence[str] = (), unbroken: bool = False, header: str = "dim"
) -> Table:
    """Return an empty table with columns of text and then of figures, aligned to the right.

    A text that is too long for the terminal is continued on the next line, unless it is `unbroken`.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=header)
    for name in texts:
        table.add_column(name, no_wrap=unbroken, overflow="ellipsis" if unbroken else "fold")
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table
