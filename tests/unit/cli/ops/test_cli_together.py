"""`pointsman run together`: its arguments, and what it starts."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pointsman import starter
from pointsman.bus import host
from pointsman.bus.host import Service
from pointsman.cli.main import app
from pointsman.runtime import logging
from pointsman.runtime.settings import HttpPart


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["router", "worker"], "'worker' is not one of router, opinion, review, worker-TIER"),
        (["router-small"], "'router-small' is not one of"),
        (["gateway"], "'gateway' is not one of"),
        (["worker-small", "worker-small"], "worker-small is named more than once"),
    ],
)
def test_what_cannot_share_a_process_is_refused(names: list[str], problem: str) -> None:
    done = CliRunner().invoke(app, ["run", "together", *names])
    assert (done.exit_code, problem in " ".join(done.output.split())) == (2, True)


def test_each_has_its_own_settings_and_all_one_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[tuple[Service, HttpPart]] = []

    def serve(service: Service, http: HttpPart) -> int:
        served.append((service, http))
        return 0

    monkeypatch.setattr(host, "serve", serve)
    monkeypatch.setattr(logging, "configure", lambda: None)  # it would stay so for the tests that follow
    monkeypatch.setenv("POINTSMAN_POLICY", str(starter.POLICY))
    monkeypatch.chdir(tmp_path)
    names = ["router", "worker-small", "worker-medium", "review"]
    done = CliRunner().invoke(
        app, ["run", "together", *names, "--providers", str(starter.PROVIDERS), "--http-port", "18099"]
    )
    assert done.exit_code == 0, done.output
    ((service, http),) = served
    assert (service.name, http.http_port) == ("+".join(names), 18099)
    assert {f"pointsman.jobs.{name}" for name in ("intake", "tier.medium", "review")} <= {*service.topics}
