"""Tables and the progress bar of `pointsman bench routing`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pointsman.bench.columns import columns

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that moves a bar on stderr, if stderr is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task: TaskID = bar.add_task("reading", total=1.0)

        def report_progress(step: str, share: float) -> None:
            bar.update(task, description=step, completed=share)

        yield report_progress


def tables(report: Mapping[str, Any]) -> list[Table]:
    """Return a table of the router and its baselines, then one for each transfer to other work."""
    from pointsman.bench.routing.measure import table
    from pointsman.bench.routing.ways import rows as beside

    rows = {
        f"router, quality {quality}": figures for quality, figures in report["frozen"]["by_quality"].items()
    }
    rows |= beside(report.get("ways", {}))
    rows |= report["baselines"]
    if "guarded" in report:
        rows = {f"guarded: {report['frozen']['shift']['said']}": report["guarded"], **rows}
    tiers = " / ".join(report["models"])
    shown = [_table("scored once on questions never seen", tiers, table(rows))]
    for name, figures in report.get("transfer", {}).items():
        shown.append(_table(f"moved to {name}", tiers, table(figures)))
    return shown


def _table(title: str, tiers: str, rows: list[list[str]]) -> Table:
    made = columns("router", "$ per 1,000", "saved", "quality (95 % interval)", f"% {tiers}", title=title)
    for row in rows:
        made.add_row(*row)
    return made
