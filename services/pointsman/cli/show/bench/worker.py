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
    for case in cases:
        table.add_row(
            f"{case.latency_ms / 1000:g} s", f"{case.limit}", f"{case.jobs:,}", f"{case.worker.in_flight}",
            f"{case.worker.per_second:,.1f}", f"{case.of_ideal:.2f}", f"{case.of_bare:.2f}",
            f"{case.worker.cores:.2f}", f"{case.worker.cpu_ms:.2f}", f"{case.bare.cpu_ms:.2f}",
            f"{case.cpu_ratio:.2f}", f"{case.memory_mb:.0f}",
        )  # fmt: skip
    return table


def _backlog(backlog: Backlog) -> Table:
    table = Table(box=None)
    for name in ("jobs waiting", "bytes each", "seconds", "done meanwhile", "most memory, MB"):
        table.add_column(name, justify="right")
    table.add_row(
        f"{backlog.waiting:,}", f"{backlog.bytes_each:,.0f}", f"{backlog.seconds:.0f}", f"{backlog.done:,}",
        f"{backlog.peak_memory_mb:.0f}",
    )  # fmt: skip
    return table
