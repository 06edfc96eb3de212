"""What `pointsman bench journey` found, as tables."""

from rich.table import Table

from pointsman.bench.journey import JourneyReport
from pointsman.bench.steady import Times


def tables(report: JourneyReport) -> list[Table]:
    """The way and its hops, then every process."""
    return [_way(report), _processes(report)]


def _way(report: JourneyReport) -> Table:
    title = f"{report.jobs:,} jobs at {report.per_second:.0f} a second"
    table = Table(box=None, title=title, title_justify="left")
    for name in ("", "p50 ms", "p99 ms", "longest ms"):
        table.add_column(name, justify="right" if name else "left")
    for name, times in {"submit to outcome": report.whole, **report.hops}.items():
        table.add_row(name, *_cells(times))
    return table


def _cells(times: Times) -> tuple[str, str, str]:
    return f"{times.p50:.1f}", f"{times.p99:.1f}", f"{times.longest:.1f}"


def _processes(report: JourneyReport) -> Table:
    table = Table(box=None)
    for name in ("process", "CPU ms a job", "MB"):
        table.add_column(name, justify="left" if name == "process" else "right")
    for name, ms in report.cpu_ms.items():
        memory = report.memory_mb.get(name)
        table.add_row(name, f"{ms:.2f}", "" if memory is None else f"{memory:.0f}")
    table.add_row("ours together", f"{report.ours_cpu_ms:.2f}")
    table.add_row("with Kafka and Postgres", f"{report.all_cpu_ms:.2f}")
    return table
