"""Ctrl-C and SIGTERM are one request to stop, which is never lost and is ignored while stopping."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_BOTH = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Make SIGINT and SIGTERM raise KeyboardInterrupt in the main thread.

    The code that runs at that moment may swallow the exception, for example a task that ended just as it was
    cancelled, or a callback of the garbage collector. The request is therefore also remembered; call `check`
    before waiting.
    """

    def __init__(self) -> None:
        """Install the handlers. A signal that is ignored, as SIGINT is in a background job, stays so."""
        self._interrupted = False
        signals = [number for number in _BOTH if signal.getsignal(number) is not signal.SIG_IGN]
        for number in signals:
            signal.signal(number, self._interrupt)

    def check(self) -> None:
        """Raises: KeyboardInterrupt: a stop was requested."""
        if self._interrupted:
            raise KeyboardInterrupt

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt


def answered() -> None:
    """Clear the interpreter's note of a caught KeyboardInterrupt, so that the exit code is the program's.

    Python notes an interrupt that escaped from `exec`, which libraries use while they are imported, and ends
    the process by SIGINT at exit. Only another `exec` clears the note.
    """
    exec("")


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore both signals within the block: stopping takes seconds and must not be cut off half-way."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _BOTH}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
