"""What `pointsman bench soak` found, as lines and a table."""

from collections.abc import Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.bench.soak.memory import Memory
from pointsman.bench.soak.run import SoakReport

_SHOWN = 20


def tables(report: SoakReport) -> list[RenderableType]:
    """What was done and suffered, memory, the verdict with the first problems."""
    outcomes = ", ".join(f"{count:,} {name}" for name, count in report.outcomes.items())
    most = "" if report.most is None else f" (a burst was done at {report.most:.0f})"
    return [
        f"{report.jobs:,} jobs, {report.rate:.0f} a second{most}, seed {report.plan.seed}: {outcomes}",
        f"killed {_sum(report.killed)} times, frozen {_sum(report.frozen)} times;"
        f" all was done {report.drained_s:.0f} s after the last job",
        f"{report.calls_made:,} calls, {report.calls_lost:,} of them lost with a process and made again",
        _memory(report.memory),
        f"{report.records:,} records on Kafka, {report.rows:,} rows in the audit,"
        f" {report.verified:,} held against their chains",
        *_verdict(report),
    ]


def _sum(counts: Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"{sum(counts.values())}" + (f" ({listed})" if listed else "")


def _memory(memories: Mapping[str, Memory]) -> Table:
    table = Table(box=None)
    for name in ("process", "lives", "longest, s", "MB settled", "MB at its end", "most MB", "MB an hour"):
        table.add_column(name, justify="left" if name == "process" else "right")
    for name, memory in memories.items():
        slope = "-" if memory.mb_per_hour is None else f"{memory.mb_per_hour:+.1f}"
        table.add_row(
            name, f"{memory.lives}", f"{memory.seconds:.0f}", f"{memory.first_mb:.1f}",
            f"{memory.last_mb:.1f}", f"{memory.most_mb:.1f}", slope,
        )  # fmt: skip
    return table


def _verdict(report: SoakReport) -> list[Text]:
    if report.sound:
        return [Text("nothing lost, nothing twice, the audit is whole", "green")]
    shown = [Text(problem, "red") for problem in report.problems[:_SHOWN]]
    return [*shown, Text(f"{len(report.problems):,} problems", "bold red")]
