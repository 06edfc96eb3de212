"""`pointsman` programs forked from a process that has imported them, each as a separate process.

Importing a service takes a second of processor time, a command half of one, and tests start hundreds of them.
Starting without a fork is covered by the tests that run `pointsman dev` or a shell.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Self

import pytest

from pointsman.cli.main import main
from pointsman.dev.servers.child import end_with_parent
from pointsman.dev.services.processes import Process

#: Slow imports. None may start threads, which a fork would not have. The last one freezes all objects,
#: so that children do not visit, and thereby copy, the memory of the others.
_IMPORTED = (
    "anyio._backends._asyncio",
    "confluent_kafka.admin",
    "genai_prices.data",
    "pointsman.access.apply",
    "pointsman.audit.app",
    "pointsman.cli.ops.run",
    "pointsman.cli.settings",
    "pointsman.client.client",
    "pointsman.dev.simulator.app",
    "pointsman.gateway.app",
    "pointsman.review.app",
    "pointsman.router.app",
    "pointsman.worker.app",
    "rich.console",
    "rich.table",
    "typer._adapters",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.websockets.auto",
    "uvloop",
    __name__,
    "tests.support.running.frozen",
)

#: stdin, stdout and stderr.
Streams = tuple[Connection, Connection, Connection]


class Forked(subprocess.Popen[bytes]):
    """`pointsman ARGUMENTS` as a child process, which the fork server started."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        streams: Path | Streams,
        folder: Path | None = None,
    ) -> None:
        given = (list(arguments), dict(environment), streams, folder or Path.cwd())
        self._process = _server().Process(target=_serve, args=given, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid, self.args, self.returncode = self._process.pid, list(arguments), None

    def poll(self) -> int | None:
        self.returncode = self._process.exitcode
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def __del__(self) -> None:
        """Nothing to clean up: the test has ended the process."""


@dataclass
class ForkedProcess(Process):
    """A service in a separate process that shares only imported modules with its parent."""

    @classmethod
    def like(cls, process: Process) -> Self:
        return cls(**{field.name: getattr(process, field.name) for field in fields(process)})

    def start(self) -> None:
        self.child = Forked(self.arguments, {**os.environ, **self.environment}, self.log)


def fork_services(patch: pytest.MonkeyPatch) -> None:
    """Patches process creation so that services are forked."""
    patch.setattr(Process, "start", ForkedProcess.start)


def pipe() -> tuple[Connection, Connection]:
    """The read end and the write end."""
    return _server().Pipe(duplex=False)


@cache
def _server() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload([*_IMPORTED])
    return context


def _serve(arguments: list[str], environment: dict[str, str], streams: Path | Streams, folder: Path) -> None:
    """Sets up session, streams, folder and environment as a shell does, then runs the program."""
    os.setsid()
    end_with_parent()
    if isinstance(streams, Path):
        log = os.open(streams, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        numbers = [os.open(os.devnull, os.O_RDONLY), log, log]
    else:
        numbers = [stream.fileno() for stream in streams]
    for number, opened in enumerate(numbers):
        os.dup2(opened, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # else the fork server would not notice that its parent ended
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- the fork server's are of other files
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["pointsman", *arguments]
    main()
