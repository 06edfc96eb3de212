"""Runs a benchmark in the test's process; its services are forked and start sooner."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from pointsman.cli.bench.bench import app
from tests.support.running.forked import fork_services


def measured(*arguments: str) -> Any:
    """The output of `pointsman bench ARGUMENTS --json`."""
    with pytest.MonkeyPatch.context() as patch:
        fork_services(patch)
        done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)
