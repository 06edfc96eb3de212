"""`pointsman bench worker`: a worker compared with a bare loop around the same HTTP library."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Json

if TYPE_CHECKING:
    from pointsman.bench.worker.run import Case


def worker(
    *,
    case: Annotated[
        list[str] | None,
        typer.Option(metavar="MS:LIMIT", help="The provider's latency, and calls in flight; repeatable."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(metavar="S", min=0.5, help="How long each case lasts; three calls at least.")
    ] = 15,
    backlog: Annotated[
        int, typer.Option(metavar="N", min=0, help="Also let a worker begin on N waiting jobs.")
    ] = 0,
    backlog_seconds: Annotated[
        float, typer.Option("--backlog-seconds", metavar="S", min=1, help="For how long.")
    ] = 60,
    as_json: Json = False,
) -> None:
    """Measure how many slow calls a worker keeps in flight, and the CPU time per job.

    Beside it, in the same run, a bare asyncio loop that sends the same requests to the same provider with the
    same HTTP library, as many at once. --backlog 1000000 shows whether memory grows with what waits.
    By default: 200:64, 2000:256 and 20000:512.
    """
    from pointsman.bench.worker.run import run, tables
    from pointsman.cli.bench.report import print_report
    from pointsman.runtime.terminal import screen

    cases = [_case(text) for text in case or ("200:64", "2000:256", "20000:512")]
    report = run(cases, seconds, backlog, backlog_seconds, screen.note)
    print_report(report, tables, as_json=as_json)


def _case(text: str) -> "Case":
    from pointsman.bench.worker.run import Case
    from pointsman.runtime.errors import CommandError

    latency, _, limit = text.partition(":")
    try:
        case = Case(float(latency), int(limit))
    except ValueError:
        case = Case(0, 0)
    if not (0 < case.latency_ms <= 100_000 and 1 <= case.limit <= 10_000):
        raise CommandError(
            f"{text!r} is no case", "write it as milliseconds:calls in flight, e.g. 200:64", code=2
        )
    return case
