"""Tables of the results of `pointsman bench whole`."""

from rich.table import Table

from pointsman.bench.columns import columns
from pointsman.bench.whole.peer import PEER
from pointsman.bench.whole.run import PLAIN, LevelResult, WholeResults

#: Request types with fewer requests per job than this are not shown.
_LEAST_REQUESTS = 0.005


def tables(results: WholeResults) -> list[Table]:
    """Return tables of the levels, of our processes, and of the broker's requests."""
    others = (PLAIN, PEER)
    ours = [result for result in results.results if result.cpu_ms and not result.system.startswith(others)]
    return [_levels(results.results), _processes(ours, results), _requests(ours)]


def _levels(results: list[LevelResult]) -> Table:
    table = columns("system, level", "jobs/s", "p50 ms", "p99 ms", "own CPU ms", "all CPU ms", "lost")
    for result in results:
        cpu = (f"{result.own_cpu_ms:.2f}", f"{result.all_cpu_ms:.2f}") if result.cpu_ms else ("", "")
        times = f"{result.times.p50:.1f}", f"{result.times.p99:.1f}"
        name = f"{result.system}, {result.level}"
        table.add_row(name, f"{result.per_second:.0f}", *times, *cpu, str(result.lost))
    return table


def _processes(ours: list[LevelResult], results: WholeResults) -> Table:
    memory_mb, idle = results.memory_mb, results.idle_cores
    table = columns("CPU ms a job", *(_title(result) for result in ours), "MB", "cores without jobs")
    for name in ours[0].cpu_ms if ours else ():
        memory = memory_mb.get(name)
        used = [f"{result.cpu_ms[name]:.2f}" for result in ours]
        table.add_row(name, *used, "" if memory is None else f"{memory:.0f}", _cores(idle.get(name)))
    together = [f"{result.all_cpu_ms:.2f}" for result in ours]
    cores = sum(idle.values()) if idle else None
    table.add_row("together", *together, f"{sum(memory_mb.values()):.0f}", _cores(cores))
    return table


def _cores(cores: float | None) -> str:
    return "" if cores is None else f"{cores:.3f}"


def _requests(ours: list[LevelResult]) -> Table:
    table = columns("requests a job (broker's ms)", *(_title(result) for result in ours))
    types = sorted({request for result in ours for request in result.requests})
    for request in types:
        costs = [result.requests.get(request) for result in ours]
        if any(some is not None and some.count >= _LEAST_REQUESTS for some in costs):
            cells = ["" if some is None else f"{some.count:.2f} ({some.local_ms:.2f})" for some in costs]
            table.add_row(request, *cells)
    return table


def _title(result: LevelResult) -> str:
    return f"{result.level}, streams" if result.system.endswith("streams") else str(result.level)
