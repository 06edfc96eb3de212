"""If a port is in use, the message names the process and how to choose another port."""

import os
import re
import socket

import psutil
import pytest

from pointsman.dev.errors import DevError
from pointsman.dev.ports import free_port, is_free, require_free


def test_a_used_port_is_reported_with_its_process_and_an_alternative() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(DevError) as raised:
            require_free(port, "Kafka", "--kafka-port")
    name = psutil.Process().name()
    assert (
        str(raised.value)
        == f"port {port}, where Kafka would listen, is in use by {name} (process {os.getpid()})"
    )
    hint = re.fullmatch(
        r"stop that program, or choose another port: pointsman dev --kafka-port (\d+)", raised.value.hint
    )
    assert hint and is_free(int(hint[1])) and int(hint[1]) != port


def test_a_process_that_cannot_be_seen_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DevError, match=f"^port {port}, where Kafka would listen, is in use$"):
            require_free(port, "Kafka", "--kafka-port")


def test_a_port_in_time_wait_is_free() -> None:
    """A port in TIME_WAIT, as after stopping a stack."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the server's side closes first, so its port stays in TIME_WAIT
        client.close()
    assert is_free(port)
    require_free(port, "Kafka", "--kafka-port")
