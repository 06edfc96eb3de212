"""What the embedded Kafka and Postgres share: folder, port, process, and waiting until they answer."""

import time
from collections.abc import Callable
from pathlib import Path

from pointsman.dev.errors import DevError, server_error
from pointsman.dev.ports import free_port
from pointsman.dev.servers.child import Child

_READY_WITHIN_S = 60.0


class EmbeddedServer:
    """A server on the loopback interface. Its data stays in `folder`.

    `logs` are files in that folder, the most informative first. Without a given `port` it moves to another
    free one if another process takes its port before it listens.
    """

    def __init__(self, name: str, folder: Path, port: int | None, logs: tuple[str, ...]) -> None:
        self._name = name
        self._folder = folder.resolve()
        self._logs = [self._folder / log for log in logs]
        self.port = port or free_port()
        self._may_move = port is None
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The running process."""
        assert self._child is not None, "not started"
        return self._child

    def stop(self) -> None:
        """Shut down cleanly; the data stays."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """Send SIGKILL. `start` brings the server back with the same port and data."""
        self.child.kill()
        self._child = None

    def check(self) -> None:
        """Raise DevError if the server has ended by itself."""
        if self._child is not None and not self._child.running:
            raise self._failed(f"{self._name} ended by itself ({self._child.end})")

    def _wait(self, answers: Callable[[int], bool], launch: Callable[[], None]) -> None:
        """Wait until the server answers at its port. `launch` starts it again, at another port."""
        give_up = time.monotonic() + _READY_WITHIN_S
        while not (self.child.running and answers(self.port)):
            if not self.child.running and self._may_move and "Address already in use" in self._log_text():
                self.port = free_port()
                launch()
            elif not self.child.running or time.monotonic() > give_up:
                self.child.kill()
                raise self._failed(f"{self._name} did not start")
            time.sleep(0.03)
        self._may_move = False  # clients may know the port from now on

    def _failed(self, problem: str) -> DevError:
        return server_error(
            problem, self._log_text(800), f"read {self._logs[0]}, or begin anew: pointsman dev --fresh"
        )

    def _log_text(self, last: int = 0) -> str:
        """Return the text of the logs, or only the `last` characters of each."""
        return "".join(log.read_text(errors="replace")[-last:] for log in self._logs if log.exists())
