"""`pointsman init` writes valid files and never changes existing ones."""

from pathlib import Path

from typer.testing import CliRunner

from pointsman.cli.main import app
from pointsman.registry import agents_file
from pointsman.router.policy import policy_file
from pointsman.runtime.errors import CommandError
from pointsman.worker.providers_file import load as load_providers


def test_written_files_are_valid(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    done = CliRunner().invoke(app, ["init", str(folder)])
    assert done.exit_code == 0
    written = ["policy.yaml", "agents.yaml", "providers.yaml"]
    assert done.stdout.splitlines() == [str(folder / name) for name in written]
    policy = policy_file.load(folder / "policy.yaml")
    assert agents_file.load(folder / "agents.yaml", policy.tiers)
    assert list(load_providers(folder / "providers.yaml").tiers) == list(policy.tiers)


def test_an_existing_file_is_kept_and_nothing_is_written(tmp_path: Path) -> None:
    mine = tmp_path / "agents.yaml"
    mine.write_text("mine")
    done = CliRunner().invoke(app, ["init", str(tmp_path)])
    assert isinstance(done.exception, CommandError)
    assert "agents.yaml" in done.exception.problem
    assert [path.name for path in tmp_path.iterdir()] == ["agents.yaml"]
    assert mine.read_text() == "mine"
