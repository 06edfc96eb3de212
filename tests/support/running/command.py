"""Runs the `pointsman` program in a separate process and folder, with pipes."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pointsman.dev.services.fleet import files
from tests.support.running.forked import Forked, pipe


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Command:
    """Runs commands in `folder`, with `environment` added to a minimal one."""

    folder: Path
    environment: dict[str, str]
    #: Whether the environment names the policy, agents and providers files, as in the dev stack.
    told: bool = True

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """A new process of the program, for tests of startup, signals or pipes."""
        # A background shell job ignores SIGINT, which children would inherit.
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pointsman.cli.main", *arguments,
            cwd=self.folder, env=self._whole_environment(), stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command that is stopped afterwards."""
        process = await self.start(*arguments)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    async def run(self, *arguments: str, stdin: str = "") -> Done:
        """Waits for the command; fails if it prints a traceback or colour."""
        environment = self._whole_environment()
        (asked, stdin_w), (out_r, out_w), (err_r, complained) = pipe(), pipe(), pipe()
        with stdin_w, out_r, err_r:
            with asked, out_w, complained:
                process = Forked(arguments, environment, (asked, out_w, complained), self.folder)
            try:
                _, out, err = await asyncio.gather(
                    asyncio.to_thread(_write, stdin_w, stdin.encode()),
                    asyncio.to_thread(_read, out_r),
                    asyncio.to_thread(_read, err_r),
                )
                code = await asyncio.to_thread(process.wait)
            finally:
                process.kill()
        done = Done(code, out.decode(), err.decode())
        assert "Traceback" not in done.err, done.err
        assert "\x1b" not in done.out + done.err
        return done

    def _whole_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
        from_files = files() if self.told else {}
        return {**kept, **from_files, **self.environment}


def _write(pipe: Connection, content: bytes) -> None:
    with suppress(BrokenPipeError), open(pipe.fileno(), "wb", closefd=False) as file:
        file.write(content)
    pipe.close()


def _read(pipe: Connection) -> bytes:
    with open(pipe.fileno(), "rb", closefd=False) as file:
        return file.read()
