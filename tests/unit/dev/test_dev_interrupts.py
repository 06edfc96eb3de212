"""Ctrl-C and SIGTERM ask for the same, and are not heard while stopping."""

import os
import signal
from collections.abc import Iterator

import pytest

from pointsman.dev.interrupts import interrupt_on_sigterm, undisturbed


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """As a program has them that was started in the foreground; put back afterwards."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt_on_sigterm()
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_interrupt_but_not_while_stopping(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    with undisturbed():
        os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
