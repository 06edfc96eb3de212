"""A child process that ends when its parent ends, and that tests can kill, freeze and wake."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_STOP_WITHIN_S = 20.0


def end_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send `by` to this process when the thread that started it ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, by)  # PR_SET_PDEATHSIG


def set_aside(log: Path) -> None:
    """Rename `log` to `NAME.previous`, so that the new log contains one run only."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.previous"))


class Child(subprocess.Popen[bytes]):
    """A running process whose output is appended to `log`. `user`: run as this user id and group id."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        stdin: IO[str] | None = None,
        user: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._stop_signal = stop_signal
        with log.open("ab") as out:
            super().__init__(
                [str(word) for word in command],
                stdin=stdin or subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # Ctrl-C reaches only the parent, which stops its children in order
                cwd="/" if user else None,  # `user` may have no access to the current folder
                preexec_fn=_prepare(user, stop_signal),
            )

    @property
    def running(self) -> bool:
        return self.poll() is None

    @property
    def end(self) -> str:
        """How the process ended, in words."""
        code = self.poll()
        if code is None:
            return "it has not ended"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def stop(self) -> bool:
        """Ask the process to end, and kill it after 20 seconds. Returns whether it ended when asked."""
        if not self.running:
            return False
        self.send_signal(self._stop_signal)
        try:
            self.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """Send SIGKILL and wait until the process has ended."""
        super().kill()
        self.wait()


def _prepare(user: tuple[int, int] | None, end_by: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user[1])
            os.setuid(user[0])
        end_with_parent(end_by)  # after the change of user, which clears the setting

    return prepare
