"""The layout of tables of results."""

from rich.table import Table


def columns(first: str, *others: str, title: str | None = None) -> Table:
    """Return an empty table whose first column holds text and the others figures."""
    table = Table(box=None, title=title, title_justify="left")
    for name in (first, *others):
        table.add_column(name, justify="left" if name == first else "right", overflow="fold")
    return table
