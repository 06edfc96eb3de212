"""The provider check: reachable, key accepted, and key never sent elsewhere."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.checks.providers import provider, providers
from pointsman.worker.providers_file import ProviderRow, Providers


class Server:
    """Answers every request with `status`, and keeps the requests."""

    def __init__(self) -> None:
        self.status = 200
        self.location = ""
        self.asked: list[tuple[str, str | None]] = []
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Authorization")))
                outer.headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(outer.status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    thread = threading.Thread(target=served.http.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.http.shutdown()
    thread.join()
    served.http.server_close()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-secret")
    monkeypatch.setenv("no_proxy", "*")


def row(url: str, **more: Any) -> ProviderRow:
    return ProviderRow.model_validate({"name": "x", "base_url": url, "key_env": "A_KEY", **more})


def test_a_provider_that_accepts_the_key_passes(server: Server) -> None:
    finding = provider(row(server.url))
    assert (finding.ok, finding.fix) == (True, "")
    assert server.asked == [("/v1/models", "Bearer sk-secret")]


@pytest.mark.parametrize(
    ("more", "path", "header"),
    [
        ({"format": "azure", "api_version": "1"}, "/v1/openai/models?api-version=1", "api-key"),
        ({"format": "anthropic"}, "/v1/models", "x-api-key"),
        ({"format": "google"}, "/v1/models", "x-goog-api-key"),
    ],
)
def test_each_format_uses_its_own_path_and_header(
    server: Server, more: dict[str, Any], path: str, header: str
) -> None:
    assert provider(row(server.url, **more)).ok
    assert server.asked == [(path, None)]
    assert server.headers[header] == "sk-secret"


def test_a_token_is_read_and_never_disclosed(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("eyJ.s3cr3t")
    server.status = 401
    finding = provider(row(server.url, key_env=None, token={"file": str(file)}))
    assert server.asked == [("/v1/models", "Bearer eyJ.s3cr3t")]
    assert "refuses what token.file gives (401)" in finding.said
    assert "s3cr3t" not in f"{finding}"
    file.unlink()
    missing = provider(row(server.url, key_env=None, token={"file": str(file)}))
    assert (missing.ok, len(server.asked)) == (False, 1)
    assert "token.file" in missing.said


@pytest.mark.parametrize(
    ("status", "ok"), [(401, False), (403, False), (404, True), (405, True), (503, False)]
)
def test_error_answers_are_recognised(status: int, ok: bool, server: Server) -> None:
    server.status = status
    finding = provider(row(server.url))
    assert finding.ok is ok
    assert str(status) in finding.said
    assert bool(finding.fix) is not ok


def test_the_key_is_never_shown_and_its_variable_is_named(server: Server) -> None:
    server.status = 401
    finding = provider(row(server.url))
    assert "sk-secret" not in f"{finding}"
    assert "A_KEY" in finding.said
    assert "A_KEY" in finding.fix


def test_a_redirect_is_not_followed_with_the_key(server: Server) -> None:
    server.status, server.location = 302, f"{server.url}/elsewhere"
    assert provider(row(server.url)).ok
    assert len(server.asked) == 1


def test_a_variable_that_is_not_set_is_told_before_anything_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A_KEY")
    finding = provider(row(server.url))
    assert finding.ok is False
    assert "A_KEY" in finding.fix
    assert server.asked == []


def test_an_unreachable_provider_is_reported_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    finding = provider(row(f"http://127.0.0.1:{port}/v1"))
    assert finding.ok is False
    assert f"http://127.0.0.1:{port}/v1 is not reachable" in finding.said


async def test_only_providers_of_tiers_are_checked(server: Server) -> None:
    rows = [row(server.url), row(server.url, name="unused")]
    file = Providers.model_validate({"providers": rows, "tiers": {"small": {"provider": "x", "model": "m"}}})
    assert [provider.check for provider in await providers(file)] == ["provider x"]
    assert await providers(None) == []
