"""Record which processes a stack runs, so that the folder's next owner can end those of a killed owner."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

_END_WITHIN_S = 20.0


class LeftRunning:
    """A file with one line per process: its id, its start time, the signal that ends it cleanly."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def note(self, pid: int, end_by: signal.Signals = signal.SIGTERM) -> None:
        """Record that the process `pid` runs."""
        with contextlib.suppress(psutil.NoSuchProcess), self._file.open("a") as file:
            file.write(f"{pid} {psutil.Process(pid).create_time():.2f} {int(end_by)}\n")

    def forget(self) -> None:
        """Delete the file: all processes have ended."""
        self._file.unlink(missing_ok=True)

    def end(self) -> int:
        """End the recorded processes that still run, and wait for them. Returns how many there were.

        Only the folder's owner may call this. A process that reuses a recorded id is left alone.
        """
        running = []
        for line in self._file.read_text().splitlines() if self._file.exists() else []:
            with contextlib.suppress(ValueError, psutil.Error):
                pid, started, end_by = line.split()
                process = psutil.Process(int(pid))
                if abs(process.create_time() - float(started)) < 2 and process.pid != os.getpid():
                    process.send_signal(int(end_by))
                    running.append(process)
        _, alive = psutil.wait_procs(running, _END_WITHIN_S)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, _END_WITHIN_S)
        self.forget()
        return len(running)
