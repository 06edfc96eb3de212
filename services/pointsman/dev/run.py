"""`pointsman dev`: everything on this machine, the sample jobs through it, until Ctrl-C."""

import asyncio
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from uuid import UUID

from rich.console import Console

from pointsman.bus.admin import apply
from pointsman.bus.errors import BusError
from pointsman.dev import logins
from pointsman.dev.errors import DevError
from pointsman.dev.fleet import fleet, leave_settings
from pointsman.dev.journey import publish_samples, watch
from pointsman.dev.options import DevOptions
from pointsman.dev.ports import require_free
from pointsman.dev.processes import Process, restart_ended, stop, wait_ready
from pointsman.dev.stack import Stack
from pointsman.router.policy_file import load as load_policy
from pointsman.router.settings import RouterSettings
from pointsman.store.errors import StoreError
from pointsman.store.migrate import create_database_if_missing, migrate
from pointsman_schemas.topics import Topics

__all__ = ["DevOptions", "run"]


def run(options: DevOptions) -> int:
    """Start everything, show the sample jobs travel, stay until Ctrl-C; returns the exit code."""
    console = Console(highlight=False)
    complaints = Console(stderr=True, highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _stack(options, console) as stack:
            return _with_services(options, stack, console)
    except (DevError, BusError, StoreError) as error:
        complaints.print(f"[red]{error}[/red]", markup=True)
        if hint := getattr(error, "hint", ""):
            complaints.print(hint, markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; the data is kept in", str(options.data), "(--fresh begins anew)")
        return 1 if options.once else 0


@contextlib.contextmanager
def _stack(options: DevOptions, console: Console) -> Iterator[Stack]:
    stack = Stack(options.data, options.kafka_port, options.postgres_port)
    require_free(options.simulator_port, "the simulated provider", "--simulator-port")
    try:
        stack.start(fresh=options.fresh, say=console.print)
        yield stack
    finally:
        stack.stop()


def _with_services(options: DevOptions, stack: Stack, console: Console) -> int:
    started = time.monotonic()
    kafka, postgres = stack.kafka.bootstrap, stack.postgres.dsn()
    tiers = load_policy(RouterSettings().policy).tiers
    asyncio.run(_prepare(kafka, postgres, tiers))
    processes = fleet(options.data.resolve(), kafka, postgres, options.simulator_port, tiers)
    leave_settings(options.data, processes, postgres)
    try:
        for process in processes:
            process.start()
        wait_ready(processes)
        console.print(f"services ready after {time.monotonic() - started:.1f} s")
        job_ids, missing = _samples(options, kafka, logins.reader(postgres), tiers, console)
        for problem in missing:
            console.print(problem, style="red")
        if options.once:
            console.print(f"{len(job_ids) - len(missing)} of {len(job_ids)} jobs have outcome and audit rows")
            return 1 if missing else 0
        _say_what_next(processes, kafka, logins.reader(postgres), job_ids, console)
        _stay(processes, console)
    finally:
        console.print("stopping")
        stop(processes)
    return 0


async def _prepare(kafka: str, postgres: str, tiers: Sequence[str]) -> None:
    await apply(kafka, Topics().all(tiers))
    await create_database_if_missing(postgres)
    await migrate(postgres)
    await logins.make_logins(postgres)


def _samples(
    options: DevOptions, kafka: str, postgres: str, tiers: Sequence[str], console: Console
) -> tuple[list[UUID], list[str]]:
    if not options.samples:
        return [], []
    job_ids = asyncio.run(publish_samples(kafka))
    console.print(f"published {len(job_ids)} sample jobs\n")
    return job_ids, asyncio.run(watch(kafka, postgres, tiers, job_ids, console))


def _say_what_next(
    processes: Sequence[Process], kafka: str, postgres: str, job_ids: Sequence[UUID], console: Console
) -> None:
    console.print(f"\nKafka      {kafka}\nPostgres   {postgres}")
    for process in processes:
        console.print(f"{process.name:<16} {process.url}")
    job = str(job_ids[0])[:13] if job_ids else "JOB"
    console.print("\nTry next, in another terminal in this folder:")
    if shutil.which("pointsman") is None:  # started by its path, as scripts/dev does
        console.print(f'  export PATH="{Path(sys.argv[0]).absolute().parent}:$PATH"', soft_wrap=True)
    console.print(f"  pointsman trace {job}")
    console.print(f"  pointsman why {job}")
    console.print('  pointsman publish --agent chat-desk --kind chat --prompt "Hello?" --wait')
    console.print("\nCtrl-C stops everything and keeps the data.")


def _stay(processes: Sequence[Process], console: Console) -> None:
    while True:
        time.sleep(0.5)
        for process in restart_ended(processes):
            console.print(
                f"{process.name} ended and was started again; its log: {process.log}", style="yellow"
            )


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
