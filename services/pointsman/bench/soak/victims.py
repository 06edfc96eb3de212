"""Kill, freeze and restart processes and servers, and notice those that end by themselves."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import assert_never

from pointsman.bench.soak.accidents import Accident, AccidentKind
from pointsman.dev.servers.kafka import EmbeddedKafka
from pointsman.dev.servers.postgres import EmbeddedPostgres
from pointsman.dev.services.processes import Process

_LOOK_S = 1.0


class Victims:
    """Processes and servers by name, and how often each was killed, was frozen, or ended by itself."""

    def __init__(
        self, processes: Sequence[Process], servers: Mapping[str, EmbeddedKafka | EmbeddedPostgres]
    ) -> None:
        self._processes = {process.name: process for process in processes}
        self._servers = servers
        self._busy: set[str] = set()
        self.killed: Counter[str] = Counter()
        self.frozen: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()

    async def suffer(self, course: Iterable[Accident]) -> None:
        """Run the accidents until cancelled. Those of different processes can overlap."""
        async with asyncio.TaskGroup() as under_way:
            for accident in course:
                await asyncio.sleep(accident.after_s)
                if accident.name not in self._busy:
                    under_way.create_task(self._happens(accident))

    async def lose_servers(self, course: Iterable[Accident]) -> None:
        """Run the outages until cancelled. The server is running again when this returns."""
        for outage in course:
            await asyncio.sleep(outage.after_s)
            server = self._servers[outage.name]
            server.kill()
            self.killed[outage.name] += 1
            starting = asyncio.create_task(_start_again(server, outage.lasts_s))
            try:
                await asyncio.shield(starting)
            except asyncio.CancelledError:
                await starting  # the comparison that follows needs the server
                raise

    async def see_ends(self) -> None:
        """Restart and count processes that ended by themselves, until cancelled.

        A process that moves because its port was taken while it was down does not count.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            for name, process in self._processes.items():
                if name not in self._busy and process.ended() and not process.move():
                    self.ended[name] += 1
                    process.start()

    async def _happens(self, accident: Accident) -> None:
        process = self._processes[accident.name]
        self._busy.add(accident.name)
        try:
            match accident.kind:
                case AccidentKind.KILL:
                    self.killed[accident.name] += 1
                    process.kill()
                case AccidentKind.FREEZE:
                    self.frozen[accident.name] += 1
                    os.kill(process.pid, signal.SIGSTOP)
                case _:
                    assert_never(accident.kind)
            await asyncio.sleep(accident.lasts_s)
        finally:
            if process.ended():
                process.start()
            else:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)
            self._busy.discard(accident.name)


async def _start_again(server: EmbeddedKafka | EmbeddedPostgres, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await asyncio.to_thread(server.start)
