"""`pointsman run simulator`, started and stopped by a supervisor."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from pointsman.dev.ports import free_port, is_free

RUN = [sys.executable, "-m", "pointsman.cli.main", "run", "simulator"]


def test_it_serves_on_a_free_port_and_stops_on_sigterm_although_a_call_hangs(tmp_path: Path) -> None:
    port = free_port()
    rules = tmp_path / "faults.json"
    rules.write_text(json.dumps([{"model": "medium", "effect": {"kind": "hang"}}]))
    flags = ["--port", str(port), "--faults-file", str(rules), "--latency", "small=1"]
    flags += ["--fault", '{"model": "gpt-4.1", "effect": {"kind": "server_error"}}']
    with subprocess.Popen([*RUN, *flags], stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 30
            while is_free(port):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.01)
            url = f"http://127.0.0.1:{port}/v1"
            with OpenAI(base_url=url, api_key="k", max_retries=0) as sdk:
                answer = sdk.chat.completions.create(
                    model="gpt-4.1-nano", messages=[{"role": "user", "content": "Hi"}]
                )
                assert answer.choices[0].message.content
                with pytest.raises(openai.InternalServerError):
                    sdk.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}])
                with socket.create_connection(("127.0.0.1", port)) as hanging:
                    body = b'{"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hi"}]}'
                    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
                    hanging.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                    process.send_signal(signal.SIGTERM)
                    _, stderr = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGTERM
    assert stderr == b""


def test_a_port_in_use_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*RUN, "--port", port], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "hint:" in done.stderr


@pytest.mark.parametrize(
    "flags", [["--fault", '{"effect": {"kind": "x"}}'], ["--latency", "fast"], ["--faults-file", "no"]]
)
def test_wrong_flags_end_with_2(flags: list[str]) -> None:
    done = subprocess.run([*RUN, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "rror:" in done.stderr
