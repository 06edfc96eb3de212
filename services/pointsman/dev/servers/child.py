"""A process of ours: ends when we end, and can be killed, frozen and woken for tests."""

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
    """To be called in a new process: it is asked to end when the thread that started it is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, by)  # PR_SET_PDEATHSIG


def set_aside(log: Path) -> None:
    """Let a new log begin, so that what it says is of this run; the last one is kept beside it."""
    if log.exists():
        log.replace(log.with_name(f"{log.name}.previous"))


class Child(subprocess.Popen[bytes]):
    """One running process; its output goes to `log`. `user`: another one, its number and its group's."""

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
                start_new_session=True,  # Ctrl-C reaches us only: we stop what we started in our order
                cwd="/" if user else None,  # another user may not be allowed where we stand
                preexec_fn=_prepare(user, stop_signal),
            )

    @property
    def running(self) -> bool:
        return self.poll() is None

    @property
    def end(self) -> str:
        """How it ended, in words."""
        code = self.poll()
        if code is None:
            return "it has not ended"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def stop(self) -> bool:
        """Ask it to end, and end it when it does not; returns whether it ended when asked."""
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
        """SIGKILL, as a power cut would; returns when it has ended."""
        super().kill()
        self.wait()


def _prepare(user: tuple[int, int] | None, end_by: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        if user is not None:
            os.setgroups([])
            os.setgid(user[1])
            os.setuid(user[0])
        end_with_parent(end_by)  # after the change of user, which would clear it

    return prepare
