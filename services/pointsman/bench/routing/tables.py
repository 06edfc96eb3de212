"""What `pointsman bench routing` found, as tables, and how far it is."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.table import Table

from pointsman.bench.columns import columns

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Yields what moves a bar on stderr, if that is a terminal."""
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
    """The frozen router beside what needs none, then the work it had never seen."""
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
