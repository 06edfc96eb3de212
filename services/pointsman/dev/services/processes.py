"""The processes that `pointsman dev` runs: each has a log file, and is restarted when it ends."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import psutil

from pointsman.dev.errors import DevError
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.child import Child
from pointsman.runtime.loopback import proxies_for

_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 15.0
_LOOK_S = 0.2
_RESTARTS = 5
_MOVES = 3
T = TypeVar("T")

_PORT = "POINTSMAN_HTTP_PORT"
_TAKEN = os.strerror(errno.EADDRINUSE)
_PROGRAM = (sys.executable, "-m", "pointsman.cli.main")


@dataclass
class Process:
    """A service. `arguments` follow `program`, else the `pointsman` command. `health`: a path below `url`.

    `listen` sets `url`, for a service that takes its port from the environment.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    url: str = ""
    health: str = "/readyz"
    restarts: int = 0
    moves: int = 0
    program: Sequence[str] = ()
    child: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process; returns at once."""
        self.child = Child([*(self.program or _PROGRAM), *self.arguments], self.log, env=self.environment)

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self.child is not None, "not started"
        return self.child.pid

    def kill(self) -> None:
        """Send SIGKILL and wait until the process has ended."""
        assert self.child is not None, "not started"
        self.child.kill()
        self.child.wait()

    def listen(self, port: int) -> None:
        """Have the service listen on `port` from its next start on."""
        self.environment = {**self.environment, _PORT: str(port)}
        self.url = f"http://{LOOPBACK}:{port}"

    def ready(self) -> bool:
        """Return whether the process itself, not another one on its port, reports that it is ready."""
        if not self._listens():
            return False
        try:
            opener = urllib.request.build_opener(proxies_for(self.url))
            with opener.open(self.url + self.health, timeout=3) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def move(self) -> bool:
        """If the process ended because its port was taken, start it on another. Returns whether it did."""
        if _PORT not in self.environment or self.moves == _MOVES or _TAKEN not in self.last_lines(2):
            return False
        self.moves += 1
        self.listen(free_port())
        self.start()
        return True

    def _listens(self) -> bool:
        try:
            connections = psutil.Process(self.pid).net_connections("tcp")
        except psutil.Error:
            return False
        port = urllib.parse.urlsplit(self.url).port
        return any(
            connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port
            for connection in connections
        )

    def ended(self) -> bool:
        """Return whether the process has ended although nobody stopped it."""
        return self.child is not None and self.child.poll() is not None

    def last_lines(self, count: int = 8) -> str:
        """Return the last `count` lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])


def another_process_of(first: Process, name: str) -> Process:
    """Return another process of the same service, with its own port, not yet started."""
    log = first.log.with_name(f"{name}.log")
    another = replace(first, name=name, log=log, restarts=0, moves=0, child=None)
    another.listen(free_port())
    return another


def wait_ready(processes: Sequence[Process]) -> None:
    """Wait until every process is ready.

    Raises:
        DevError: a process ended or is not ready in time; the end of its log is quoted.
    """
    give_up = time.monotonic() + _READY_WITHIN_S
    waiting = list(processes)
    while waiting:
        for process in waiting:
            if process.ended() and not process.move():
                raise DevError(
                    f"{process.name} ended while starting:\n{process.last_lines()}", f"read {process.log}"
                )
        waiting = [process for process in waiting if not process.ready()]
        if waiting and time.monotonic() > give_up:
            names = ", ".join(process.name for process in waiting)
            raise DevError(
                f"not ready after {_READY_WITHIN_S:.0f} s: {names}\n{waiting[0].last_lines()}",
                f"read {waiting[0].log}",
            )
        time.sleep(0.05)


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Run the processes during the block, which begins when all are ready. Raises as `wait_ready`."""
    try:
        for process in processes:
            process.start()
        wait_ready(processes)
        yield
    finally:
        stop(processes)


async def while_running(processes: Sequence[Process], work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, which is cancelled if a process ends.

    Raises:
        DevError: a process ended; the end of its log is quoted.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            for process in processes:
                if process.ended():
                    raise DevError(f"{process.name} ended:\n{process.last_lines()}", f"read {process.log}")
            await asyncio.wait([task], timeout=_LOOK_S)
        return task.result()
    finally:
        task.cancel()


def restart_ended(processes: Sequence[Process]) -> list[Process]:
    """Restart the processes that have ended, each up to five times. Returns those that had ended.

    Raises:
        DevError: a process ended too often.
    """
    dead = [process for process in processes if process.ended()]
    for process in dead:
        if process.move():
            continue
        if process.restarts == _RESTARTS:
            raise DevError(
                f"{process.name} ended {_RESTARTS + 1} times, the last time with:\n{process.last_lines()}",
                f"read {process.log}",
            )
        process.restarts += 1
        process.start()
    return dead


def stop(processes: Sequence[Process]) -> None:
    """Ask every process to end, and kill those that have not ended after 15 seconds."""
    running = [process.child for process in processes if process.child is not None and not process.ended()]
    for child in running:
        child.send_signal(signal.SIGTERM)
    give_up = time.monotonic() + _STOP_WITHIN_S
    for child in running:
        try:
            child.wait(max(0.1, give_up - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
