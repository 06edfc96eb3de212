"""What `pointsman bench tenants` found, as a line and a table."""

from rich.console import RenderableType
from rich.table import Table

from pointsman.bench.steady import times_of
from pointsman.bench.tenants import ALLOWED, TIMES, TenantsReport


def tables(report: TenantsReport) -> list[RenderableType]:
    """A row for each round."""
    table = Table(box=None)
    for name in ("round", "jobs", "p50 ms alone", "beside it", "p99 ms alone", "beside it", "ratio"):
        table.add_column(name, justify="right")
    for number, (alone, beside) in enumerate(zip(report.alone, report.beside, strict=True), 1):
        table.add_row(
            str(number), f"{report.jobs:,}", f"{alone.p50:.1f}", f"{beside.p50:.1f}",
            f"{alone.p99:.1f}", f"{beside.p99:.1f}", f"{beside.p99 / alone.p99:.2f}",
        )  # fmt: skip
    sent = f"the noisy one sent {report.sent:,} jobs, {TIMES} times the {ALLOWED} a minute that it may begin"
    refused = times_of(report.refused)
    soon = f"p50 {refused.p50:,.0f} ms, longest {refused.longest:,.0f} ms"
    return [
        table,
        sent,
        f"p99 beside it: {report.ratio:.2f} times that alone (median of the rounds)",
        f"from a suspension to the first refusal: {soon} ({len(report.refused)} times)",
    ]
