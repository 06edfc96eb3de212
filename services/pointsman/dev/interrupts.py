"""Ctrl-C and SIGTERM: the same request to stop, and not heard while stopping."""

import contextlib
import signal
from collections.abc import Iterator

_BOTH = (signal.SIGINT, signal.SIGTERM)


def interrupt_on_sigterm() -> None:
    """From now on SIGTERM raises KeyboardInterrupt, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within it neither is heard: stopping takes seconds, and must not end half-way."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _BOTH}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
