"""What `pointsman dev` proposes can be pasted."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.dev.show.journey import Journey
from pointsman.dev.show.narrator import Narrator
from pointsman.dev.show.report import say_what_next
from pointsman_schemas.ids import uuid7


def test_the_commands_it_proposes_name_one_job(capsys: pytest.CaptureFixture[str]) -> None:
    ids = [uuid7(datetime(2030, 1, 31, tzinfo=UTC)) for _ in range(64)]
    say_what_next(Journey(ids), {"Kafka": "127.0.0.1:1"}, Path(".pointsman"), Narrator())
    named = re.findall(r"pointsman (?:trace|why) (\S+)", capsys.readouterr().out)
    assert len(named) == 2
    for part in named:
        assert [job_id for job_id in ids if str(job_id).startswith(part) or str(job_id).endswith(part)] == [
            ids[0]
        ]


def test_where_agents_log_in_it_acts_as_one_before_it_publishes(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path("/data/secure/pointsman.agent.chat-desk.env")
    say_what_next(Journey(), {"Kafka": "127.0.0.1:1"}, Path(".pointsman"), Narrator(), acting=file)
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert commands[-2].startswith(f"  set -a; . {file}; set +a")
    assert commands[-1].startswith("  pointsman publish --agent chat-desk")
