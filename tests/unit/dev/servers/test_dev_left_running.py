"""Processes left by a killed owner are ended by the next one, and no others."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pointsman.dev.servers import left_running
from pointsman.dev.servers.left_running import LeftRunning

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"

POLITE = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
try:
    print("up", flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print("asked", flush=True)
"""


@contextmanager
def running(program: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python program that has reported that it is running."""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == b"up\n"
            yield process
        finally:
            process.kill()


def test_running_processes_are_ended_with_their_signal(tmp_path: Path) -> None:
    with running(POLITE) as polite:
        LeftRunning(tmp_path / "running").note(polite.pid, signal.SIGINT)
        assert LeftRunning(tmp_path / "running").end() == 1
        assert not psutil.pid_exists(polite.pid)
        assert polite.stdout is not None and polite.stdout.read() == b"asked\n"
    assert not (tmp_path / "running").exists()


def test_an_unresponsive_process_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_running, "_END_WITHIN_S", 0.1)
    with running(STUBBORN) as stubborn:
        left = LeftRunning(tmp_path / "running")
        left.note(stubborn.pid)
        assert left.end() == 1
        assert not psutil.pid_exists(stubborn.pid)


def test_a_process_that_reuses_the_pid_is_not_touched(tmp_path: Path) -> None:
    with running(POLITE) as other:
        before = psutil.Process(other.pid).create_time() - 60
        (tmp_path / "running").write_text(f"{other.pid} {before:.2f} 15\n")
        assert LeftRunning(tmp_path / "running").end() == 0
        assert other.poll() is None


def test_ended_processes_and_unreadable_entries_are_skipped(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        left = LeftRunning(tmp_path / "running")
        left.note(ended.pid)
    with (tmp_path / "running").open("a") as file:
        file.write("\n1 2\nx y z\n")
    assert left.end() == 0


def test_without_a_file_nothing_was_left(tmp_path: Path) -> None:
    left = LeftRunning(tmp_path / "running")
    assert left.end() == 0
    left.forget()
