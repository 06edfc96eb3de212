"""Ctrl-C and SIGTERM: the same request to stop, never lost, and not heard while stopping."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_BOTH = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Both signals raise KeyboardInterrupt, wherever the program is.

    What runs at that moment may swallow the exception: a task that had just ended when it was cancelled, a
    callback of the garbage collector. So it is also remembered, for whoever is about to wait.
    """

    def __init__(self) -> None:
        """A SIGINT that is ignored, as in a shell's background, stays so."""
        self._interrupted = False
        heard = [number for number in _BOTH if signal.getsignal(number) is not signal.SIG_IGN]
        for number in heard:
            signal.signal(number, self._interrupt)

    def check(self) -> None:
        """Raises: KeyboardInterrupt: somebody has asked to stop."""
        if self._interrupted:
            raise KeyboardInterrupt

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupted = True
        raise KeyboardInterrupt


def answered() -> None:
    """To be called once a KeyboardInterrupt was caught: the program ends by its exit code, not by SIGINT.

    Python remembers one that left a text given to `exec`, as libraries do when they are imported, and kills
    itself when it ends; only the next `exec` makes it forget.
    """
    exec("")


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within it neither is heard: stopping takes seconds, and must not end half-way."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _BOTH}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
