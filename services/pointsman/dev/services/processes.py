"""The services that `pointsman dev` starts: a process and a log file each, started again when they die."""

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
    """One service: `arguments` follow `program`, else the `pointsman` command; `url`: of its `health`."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    url: str
    health: str = "/readyz"
    restarts: int = 0
    moves: int = 0
    program: Sequence[str] = ()
    child: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start it; returns at once."""
        self.child = Child([*(self.program or _PROGRAM), *self.arguments], self.log, env=self.environment)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.child is not None, "not started"
        return self.child.pid

    def kill(self) -> None:
        """SIGKILL; returns when it has ended."""
        assert self.child is not None, "not started"
        self.child.kill()
        self.child.wait()

    def ready(self) -> bool:
        """Whether it says that it is ready: it, not somebody else who got its port."""
        if not self._listens():
            return False
        try:
            opener = urllib.request.build_opener(proxies_for(self.url))
            with opener.open(self.url + self.health, timeout=3) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def move(self) -> bool:
        """Start it again on another port, if it ended because somebody else took its own meanwhile."""
        if _PORT not in self.environment or self.moves == _MOVES or _TAKEN not in self.last_lines(2):
            return False
        self.moves += 1
        port = free_port()
        self.environment = {**self.environment, _PORT: str(port)}
        self.url = f"http://{LOOPBACK}:{port}"
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
        """Whether the process is gone although nobody stopped it."""
        return self.child is not None and self.child.poll() is not None

    def last_lines(self, count: int = 8) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])


def second(first: Process, name: str) -> Process:
    """Another process of the same service, on a port of its own; not started yet."""
    port = free_port()
    return replace(
        first,
        name=name,
        environment={**first.environment, _PORT: str(port)},
        log=first.log.with_name(f"{name}.log"),
        url=f"http://{LOOPBACK}:{port}",
        restarts=0,
        moves=0,
        child=None,
    )


def wait_ready(processes: Sequence[Process]) -> None:
    """Return when every process is ready.

    Raises:
        DevError: one ended, or is not ready in time; with the end of its log.
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
    """Inside, every process runs and is ready. Raises as `wait_ready`."""
    try:
        for process in processes:
            process.start()
        wait_ready(processes)
        yield
    finally:
        stop(processes)


async def while_running(processes: Sequence[Process], work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to, while every process runs.

    Raises:
        DevError: one ended; with the end of its log.
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
    """Start again what has died, a few times; returns what was started again.

    Raises:
        DevError: one keeps dying.
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
    """Ask every process to finish, and end those that do not."""
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
