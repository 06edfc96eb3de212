"""A service is ready when it says so; one whose port was taken gets another."""

import socket
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pointsman.dev.errors import DevError
from pointsman.dev.ports import free_port
from pointsman.dev.services import processes
from pointsman.dev.services.processes import Process, restart_ended, stop, wait_ready

#: Serves like a service, and ends like one when the port is taken. Answers with its process id.
SERVICE = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
if sys.argv[1:] == ["fail"]:
    sys.exit("error: no such tier")
class Server(HTTPServer):
    allow_reuse_address = True
try:
    server = Server(("127.0.0.1", int(os.environ.get("POINTSMAN_HTTP_PORT") or sys.argv[1])), Handler)
except OSError as error:
    sys.exit(f"error: {error}\\n hint: pointsman doctor")
server.serve_forever()
"""


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PROGRAM", (sys.executable, "-c", SERVICE))


@pytest.fixture
def started() -> Iterator[list[Process]]:
    all_of_them: list[Process] = []
    yield all_of_them
    stop(all_of_them)


def begin(
    started: list[Process], folder: Path, port: int, environment: Mapping[str, str], *arguments: str
) -> Process:
    url = f"http://127.0.0.1:{port}"
    process = Process("router", arguments, environment, folder / f"{len(started)}.log", url)
    started.append(process)
    process.start()
    return process


def served_by(process: Process) -> int:
    with urllib.request.urlopen(process.url, timeout=10) as answer:
        return int(answer.read())


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_in_the_environment_is_not_asked_for_it(
    started: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for spelling in ("no_proxy", "NO_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(spelling, raising=False)
    monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    port = free_port()
    wait_ready([begin(started, tmp_path, port, {}, str(port))])


def test_a_service_whose_port_was_taken_moves(started: list[Process], tmp_path: Path) -> None:
    port = free_port()
    environment = {"POINTSMAN_HTTP_PORT": str(port)}
    other = begin(started, tmp_path, port, environment)
    wait_ready([other])
    late = begin(started, tmp_path, port, environment)
    wait_ready([late])
    assert late.url != other.url
    assert (served_by(other), served_by(late)) == (other.pid, late.pid)


def test_one_whose_port_was_taken_while_it_was_away_is_started_again_on_another(
    started: list[Process], tmp_path: Path
) -> None:
    port = free_port()
    process = begin(started, tmp_path, port, {"POINTSMAN_HTTP_PORT": str(port)})
    wait_ready([process])
    assert process.child is not None
    process.child.kill()
    process.child.wait()
    with socket.create_server(("127.0.0.1", port)):
        restart_ended([process])
        process.child.wait(60)
        restart_ended([process])
        assert (process.restarts, process.moves) == (1, 1)
        wait_ready([process])


def test_other_failures_are_reported_with_the_last_output(started: list[Process], tmp_path: Path) -> None:
    failed = begin(started, tmp_path, free_port(), {"POINTSMAN_HTTP_PORT": "1"}, "fail")
    with pytest.raises(DevError, match="router ended while starting:\nerror: no such tier") as raised:
        wait_ready([failed])
    assert raised.value.hint == f"read {failed.log}"
    assert failed.moves == 0


def test_a_service_with_a_fixed_port_does_not_move(started: list[Process], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        simulator = begin(started, tmp_path, port, {}, str(port))
        with pytest.raises(DevError, match="Address already in use"):
            wait_ready([simulator])


def test_a_service_without_a_free_port_gives_up(
    started: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(processes, "free_port", lambda: port)
        unlucky = begin(started, tmp_path, port, {"POINTSMAN_HTTP_PORT": str(port)})
        with pytest.raises(DevError, match="Address already in use"):
            wait_ready([unlucky])
    assert unlucky.moves == 3
