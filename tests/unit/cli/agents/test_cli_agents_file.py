"""`agents plan` and `apply` name the file that they read, and warn of who is retired."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pointsman import starter
from pointsman.cli.main import app
from pointsman.registry import follow, publish
from pointsman.registry.changes import turned
from pointsman.registry.publish import Applied
from pointsman.registry.registry import RegisteredAgent, RegistryHistory
from pointsman_schemas.control.registry import AgentEntry

ANA = RegisteredAgent(AgentEntry(id="ana", owner="x", reviews=("legal",)))
RETIRES = "warning: retires ana, a reviewer of legal\n"


@pytest.fixture(autouse=True)
def left_by_dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a dev stack name a file; another one is in the folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("AGENTS", "POLICY", "AGENT", "REGISTRY_KEY_FILE", "REGISTRY_KEYS"):
        monkeypatch.setenv(f"POINTSMAN_{name}", "")
        monkeypatch.delenv(f"POINTSMAN_{name}")
    Path(".pointsman").mkdir()
    Path(".pointsman/settings.env").write_text(
        f"POINTSMAN_AGENTS={starter.AGENTS}\nPOINTSMAN_POLICY={starter.POLICY}\n"
    )
    Path("agents.yaml").write_text("unregistered: reject\nagents: []\n")

    async def registered(*_: Any) -> RegistryHistory:
        return RegistryHistory({"ana": ANA})

    async def applied(*_: Any, **__: Any) -> Applied:
        return Applied([turned(ANA, "retired")], None)

    monkeypatch.setattr(follow, "read_registry", registered)
    monkeypatch.setattr(publish, "apply_file", applied)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["agents", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_the_file_that_is_read_is_named(command: str) -> None:
    assert f"agents: {starter.AGENTS}\n" in run(command).stderr
    assert "agents: agents.yaml\n" in run(command, "--agents", "agents.yaml").stderr


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_the_warning_is_on_stderr(command: str) -> None:
    result = run(command)
    assert RETIRES in result.stderr
    assert RETIRES not in result.stdout
    assert RETIRES not in run(command, "--json").stderr


def test_apply_tells_what_was_done() -> None:
    assert run("apply").stdout.endswith("0 registered, 0 changed, 1 retired\n")
