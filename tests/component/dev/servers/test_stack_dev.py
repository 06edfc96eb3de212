"""`pointsman dev` as a process: exit code, JSON output, and that a stop ends all of it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from pointsman import starter
from pointsman.dev import samples
from pointsman.dev.ports import free_port, is_free
from pointsman.dev.servers.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.stack, pytest.mark.slow]

DEV = [sys.executable, "-m", "pointsman.cli.main", "dev"]
JOBS = len(samples.load())
#: Number of sample jobs that wait for a person.
WAITING = 5
SHIPPED = starter.PROVIDERS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder; its data is kept between tests."""
    folder = tmp_path_factory.mktemp("dev")
    yield folder
    EmbeddedPostgres(folder / ".pointsman" / "postgres").remove()


@contextmanager
def start(place: Path, *flags: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Starts the command, which ends with the test, also if the test fails."""
    ports = {name: str(free_port()) for name in ("--kafka-port", "--postgres-port", "--simulator-port")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
    with subprocess.Popen(
        [*DEV, *(word for pair in ports.items() for word in pair), *flags],
        cwd=place,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 -- called from the main thread only
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _hear_ctrl_c() -> None:
    """Stops ignoring SIGINT, which shells ignore for background processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def runs(process: psutil.Process) -> bool:
    """Whether a process is running; a zombie is not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_once_ends_with_0_when_each_job_has_its_outcome_and_its_rows(place: Path) -> None:
    with start(place, "--once", "--json", "--fresh") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["ok"] is True and report["missing"] == []
    assert len(report["published"]) == JOBS
    assert {job["job_id"] for job in report["jobs"]} == set(report["published"])
    ended = [job for job in report["jobs"] if job["job_id"] not in report["waiting"]]
    assert {(job["state"], job["messages"] >= 4) for job in ended} == {("completed", True)}
    assert len(report["waiting"]) == WAITING and len(ended) == JOBS - WAITING
    assert {cost["tier"] for cost in report["costs"]} == {"small", "medium", "frontier"}
    assert {"kafka", "postgres", "simulator", "services", "gateway", "audit"} <= report["addresses"].keys()
    whole = f"{JOBS - WAITING} of {JOBS} jobs have their outcome and their audit rows"
    assert f"{whole}, {WAITING} wait for a person\nstopping\n" in err
    assert not (place / ".pointsman" / "running").exists()
    left = place / ".pointsman" / "settings.env"
    passwords = set(re.findall(r"//\w+:(\w+)@", left.read_text()))
    assert len(passwords) == 3, "the owner, the writer, the reader"
    assert not any(password in out + err for password in passwords)
    assert oct(left.stat().st_mode & 0o777) == "0o600"


def test_once_ends_with_1_and_names_the_jobs_that_have_no_outcome(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:  # accepts connections, never answers
        hole = f"http://127.0.0.1:{silent.getsockname()[1]}"
        shipped = SHIPPED.read_text()
        head, small, tail = shipped.partition("  small:\n    provider: simulator\n")
        own = head.replace("providers:\n", f"providers:\n  - name: hole\n    base_url: {hole}/v1\n", 1)
        (place / "providers.yaml").write_text(own + small.replace("simulator", "hole") + tail)
        file = str(place / "providers.yaml")
        with start(place, "--once", "--json", "--patience", "6", POINTSMAN_PROVIDERS=file) as process:
            out, err = process.communicate()
    assert process.returncode == 1, err
    report = json.loads(out)
    waiting = set(report["waiting"])
    ended = {job["job_id"] for job in report["jobs"] if job["state"] == "completed"}
    without = set(report["published"]) - ended - waiting
    assert report["ok"] is False
    assert without and "small" not in {job["tier"] for job in report["jobs"] if job["state"] == "completed"}
    assert set(report["missing"]) == {f"job {job_id} has no outcome on record" for job_id in without}
    assert "has no outcome on record" in err
    assert f"{JOBS - len(without) - len(waiting)} of {JOBS} jobs have their outcome" in err


def test_a_stop_ends_everything_that_was_started(place: Path) -> None:
    with start(place, "--no-samples") as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Ctrl-C stops everything")):
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr and process.stderr.read()
        assert "Postgres' passwords are in .pointsman/settings.env\n" in lines
        assert re.search(r"^Postgres +postgresql://pointsman_reader:\*\*\*@", "".join(lines), re.MULTILINE)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        while process.stdout.readline() != "stopping\n":
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)  # a second, impatient signal
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out == "stopped; the data is kept in .pointsman (--fresh begins anew)\n"
    assert len(children) >= 8 and not any(runs(child) for child in children)


def test_a_second_dev_in_the_folder_is_told_who_has_it_and_the_first_ends_while_it_starts(
    place: Path,
) -> None:
    with start(place, "--no-samples") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "starting Kafka and Postgres\n"
        with socket.create_server(("127.0.0.1", 0)) as taken:  # the port of another stack
            port = str(taken.getsockname()[1])
            with start(place, "--once", "--simulator-port", port) as second:
                out, err = second.communicate()
        children = psutil.Process(first.pid).children(recursive=True)
        first.send_signal(signal.SIGTERM)
        first.communicate()
    assert first.returncode == 0
    assert children and not any(runs(child) for child in children)
    assert (second.returncode, out) == (1, "")
    folder = place / ".pointsman"
    assert err.startswith(
        f"error: another `pointsman dev` uses {folder} (process {first.pid})\n hint: stop it"
    )


def test_a_port_in_use_ends_it_before_anything_is_started(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = ["--once", "--simulator-port", str(port)]
        done = subprocess.run([*DEV, *flags], cwd=place, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: port {port}, where the simulated provider would listen, is in use by " in done.stderr
    assert "--simulator-port" in done.stderr
    assert is_free(port)
