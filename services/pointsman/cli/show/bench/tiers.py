"""What `pointsman bench tiers` found, as lines and tables."""

from rich.console import RenderableType
from rich.table import Table

from pointsman.bench.tiers import HANGS, TiersReport


def tables(report: TiersReport) -> list[RenderableType]:
    """The tiers beside one that hangs, then one worker and two."""
    scaled = report.scaled
    return [
        f"{HANGS} hangs: {report.hanging} calls in flight, {report.waiting:,} jobs wait",
        _beside(report),
        f"{scaled.limit} calls of {scaled.latency_ms:g} ms at once in each worker of a tier",
        f"one worker {scaled.one:.1f} calls a second, two {scaled.two:.1f}: {scaled.gain:.2f} times as many",
    ]


def _beside(report: TiersReport) -> Table:
    table = Table(box=None)
    for name in ("tier", "jobs", "p50 ms alone", "beside it", "p99 ms alone", "beside it", "ratio"):
        table.add_column(name, justify="left" if name == "tier" else "right")
    for name, tier in report.tiers.items():
        table.add_row(
            name, f"{tier.jobs:,}", f"{tier.alone.p50:.1f}", f"{tier.beside.p50:.1f}",
            f"{tier.alone.p99:.1f}", f"{tier.beside.p99:.1f}", f"{tier.ratio:.2f}",
        )  # fmt: skip
    return table
