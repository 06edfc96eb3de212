"""What `pointsman bench worker` found, as tables."""

from rich.table import Table

from pointsman.bench.worker.backlog import Backlog
from pointsman.bench.worker.run import Measured, WorkerReport


def tables(report: WorkerReport) -> list[Table]:
    """A row for each case; then the backlog."""
    return [_cases(report.cases), *([_backlog(report.backlog)] if report.backlog else [])]


def _cases(cases: list[Measured]) -> Table:
    table = Table(box=None)
    for name in (
        "latency", "limit", "jobs", "most in flight", "jobs/s", "of limit / latency", "of the bare loop",
        "cores", "CPU ms a job", "bare loop", "ratio", "MB",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for each in cases:
        table.add_row(
            f"{each.latency_ms / 1000:g} s", f"{each.limit}", f"{each.jobs:,}", f"{each.worker.in_flight}",
            f"{each.worker.per_second:,.1f}", f"{each.of_ideal:.2f}", f"{each.of_bare:.2f}",
            f"{each.worker.cores:.2f}", f"{each.worker.cpu_ms:.2f}", f"{each.bare.cpu_ms:.2f}",
            f"{each.cpu_ratio:.2f}", f"{each.memory_mb:.0f}",
        )  # fmt: skip
    return table


def _backlog(found: Backlog) -> Table:
    table = Table(box=None)
    for name in ("jobs waiting", "bytes each", "seconds", "done meanwhile", "most memory, MB"):
        table.add_column(name, justify="right")
    table.add_row(
        f"{found.waiting:,}", f"{found.bytes_each:,.0f}", f"{found.seconds:.0f}", f"{found.done:,}",
        f"{found.peak_memory_mb:.0f}",
    )  # fmt: skip
    return table
