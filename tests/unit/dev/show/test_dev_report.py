"""Commands that `pointsman dev` suggests can be pasted."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.dev.services.trying import Trying
from pointsman.dev.show.journey import Journey
from pointsman.dev.show.narrator import Narrator
from pointsman.dev.show.report import document, say_how_they_did, say_what_next
from pointsman_schemas.ids import short_id, uuid7


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
    say_what_next(
        Journey(), {"Kafka": "127.0.0.1:1"}, Path(".pointsman"), Narrator(), trying=Trying(login=file)
    )
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert commands[-2].startswith(f"  set -a; . {file}; set +a")
    assert commands[-1].startswith("  pointsman publish --agent chat-desk")


def test_it_counts_the_jobs_that_wait_for_a_person_apart(capsys: pytest.CaptureFixture[str]) -> None:
    ids = [uuid7(datetime(2030, 1, 31, tzinfo=UTC)) for _ in range(64)]
    journey = Journey(ids, missing=["job 1 has no outcome on record"], waiting=ids[:5])
    say_how_they_did(journey, Narrator())
    assert (
        "58 of 64 jobs have their outcome and their audit rows, 5 wait for a person"
        in capsys.readouterr().out
    )
    assert document(journey, {}, 1.0)["waiting"] == ids[:5]


def test_it_proposes_to_decide_one_of_those(capsys: pytest.CaptureFixture[str]) -> None:
    ids = [uuid7(datetime(2030, 1, 31, tzinfo=UTC)) for _ in range(2)]
    journey, places = Journey(ids, waiting=ids[1:]), {"Kafka": "127.0.0.1:1"}
    say_what_next(journey, places, Path(".pointsman"), Narrator(), deciding="approve {job} --by ana")
    out = capsys.readouterr().out
    assert f"  pointsman review show {short_id(ids[1])} " in out
    assert f"  approve {short_id(ids[1])} --by ana   # or edit, reject, send\n" in out
    say_what_next(journey, places, Path(".pointsman"), Narrator())
    assert "  pointsman doctor   # says who could decide it\n" in capsys.readouterr().out
