"""A data folder has one living owner; if it cannot be used, the message says what to do."""

import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from pointsman.dev.errors import DevError, server_error
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.stack import Stack

CLAIM = """
import sys, time
from pathlib import Path
from pointsman.dev.servers.stack import Stack
stack = Stack(Path(sys.argv[1]))
stack.claim()
print("claimed", flush=True)
time.sleep(600)
"""


def test_a_folder_that_a_living_process_holds_is_refused_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIM, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
        try:
            assert owner.stdout is not None and owner.stdout.readline() == b"claimed\n"
            with pytest.raises(DevError) as raised:
                Stack(tmp_path / "data").claim()
            assert (
                str(raised.value) == f"another `pointsman dev` uses {tmp_path / 'data'} (process {owner.pid})"
            )
            assert "stop it first, or take another folder: pointsman dev --data OTHER" in raised.value.hint
        finally:
            owner.send_signal(signal.SIGKILL)
    assert (tmp_path / "data" / "lock").read_text() == f"{owner.pid}\n", "the file stays, the lock does not"
    after = Stack(tmp_path / "data")
    after.claim()
    after.stop()


def test_a_stopped_stack_gives_its_folder_back(tmp_path: Path) -> None:
    for _ in range(2):
        stack = Stack(tmp_path)
        stack.claim()
        stack.stop()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(DevError, match="data cannot be used: File exists") as raised:
        Stack(tmp_path / "data").claim()
    assert raised.value.hint == "put the data elsewhere: pointsman dev --data DIR"


def test_a_folder_in_which_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(DevError, match="/proc/pointsman cannot be used"):
        Stack(Path("/proc/pointsman")).claim()


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("/dev/full")
    with pytest.raises(DevError) as raised:
        Stack(tmp_path).claim()
    assert str(raised.value) == f"the disk of {tmp_path} is full"
    assert raised.value.hint == "make room, or put the data elsewhere: pointsman dev --data DIR"


def test_a_disk_that_is_nearly_full_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 9, 12_300_000))
    stack = Stack(tmp_path)
    with pytest.raises(DevError, match="has 12 MB left; Kafka and Postgres want 1,000 MB") as raised:
        stack.start()
    stack.stop()
    assert raised.value.hint == "make room, or put the data elsewhere: pointsman dev --data DIR"
    assert not (tmp_path / "kafka").exists()


@pytest.mark.parametrize("secure", [False, True])
def test_data_of_the_other_mode_is_refused(tmp_path: Path, secure: bool) -> None:
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "data" / "meta.properties").touch()
    lines = [] if secure else BrokerSecurity(tmp_path / "secure").lines
    (tmp_path / "kafka" / "server.properties").write_text("\n".join(lines))
    stack = Stack(tmp_path, secure=secure)
    try:
        with pytest.raises(DevError, match=f"data in {tmp_path} was made with") as raised:
            stack.start()
        assert ("without --secure" in str(raised.value)) is secure
        assert "pointsman dev --secure" in raised.value.hint and "--fresh" in raised.value.hint
    finally:
        stack.stop()


def test_a_server_that_ends_on_a_full_disk() -> None:
    error = server_error("Kafka ended", "java.io.IOException: No space left on device", "read its log")
    assert isinstance(error, DevError)
    assert str(error) == "Kafka ended: the disk is full"
    assert error.hint.startswith("make room")
    other = server_error("Kafka ended", "java.lang.OutOfMemoryError", "read its log")
    assert (str(other), other.hint) == ("Kafka ended:\njava.lang.OutOfMemoryError", "read its log")
