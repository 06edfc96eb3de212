"""Ctrl-C and SIGTERM do the same, and are ignored during shutdown."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pointsman.dev.interrupts import Interrupts, undisturbed


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[Interrupts]:
    """Signal handlers as in a program started in the foreground; restored afterwards."""
    before = {handled: signal.getsignal(handled) for handled in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield Interrupts()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_interrupt_but_not_while_stopping(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    with undisturbed():
        os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_swallowed_by_a_library_is_not_lost(interrupts: Interrupts, number: signal.Signals) -> None:
    interrupts.check()
    with contextlib.suppress(BaseException):  # as a callback of the garbage collector swallows it
        os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_signals_ignored_in_the_background_stay_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Interrupts()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_during_an_import_ends_with_the_right_exit_code() -> None:
    """Libraries such as dataclasses execute generated code during import."""
    program = """
import os, signal
from pointsman.dev.interrupts import Interrupts, answered
Interrupts()
try:
    exec("os.kill(os.getpid(), signal.SIGTERM)")
except KeyboardInterrupt:
    answered()
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
