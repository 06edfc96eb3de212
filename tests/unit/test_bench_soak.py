"""The pure parts of the soak: what happens when, whether memory grows, and what the command says."""

import json
from itertools import islice

import pytest
from typer.testing import CliRunner, Result

from pointsman.bench.soak.accidents import Accident, Kind, accidents
from pointsman.bench.soak.memory import Sample, memory, slope
from pointsman.bench.soak.run import Plan, Report
from pointsman.cli.bench_soak import app

NAMES = ("router", "worker", "audit")


def course(seed: int) -> list[Accident]:
    return list(islice(accidents(seed, NAMES, 10, 6), 500))


def test_the_same_seed_gives_the_same_accidents() -> None:
    assert course(1) == course(1)
    assert course(1) != course(2)


def test_everyone_is_killed_and_frozen_and_a_freeze_outlasts_the_session() -> None:
    found = course(1)
    assert {(each.name, each.kind) for each in found} == {(name, kind) for name in NAMES for kind in Kind}
    assert all(each.lasts_s > 6 for each in found if each.kind is Kind.FREEZE)
    assert sum(each.after_s for each in found) / len(found) == pytest.approx(10, rel=0.2)


def test_a_line_is_found_through_noise() -> None:
    noisy = [Sample(second, 80 + second / 360 + (0.5 if second % 2 else -0.5)) for second in range(0, 1200)]
    assert slope(noisy) * 3600 == pytest.approx(10, abs=0.1)


def test_memory_that_grows_is_stated_per_hour_and_the_start_does_not_count() -> None:
    warming = [Sample(1000.0 + second, 40 + second) for second in range(0, 60, 5)]
    grows = [Sample(1060.0 + second, 100 + second / 100) for second in range(0, 600, 5)]
    found = memory([[Sample(0, 500), Sample(5, 700)], warming + grows])
    assert found.mb_per_hour == pytest.approx(36)
    assert (found.lives, found.seconds, found.first_mb, found.most_mb) == (2, 655, 100, 700)
    assert found.last_mb == pytest.approx(105.95)


def test_a_short_life_has_no_slope() -> None:
    assert memory([[Sample(second, 80 + second) for second in range(0, 90, 5)]]).mb_per_hour is None
    assert memory([[Sample(0, 80)]]).first_mb == 80


def report(*problems: str) -> Report:
    still = memory([[Sample(second, 80) for second in range(0, 600, 5)]])
    return Report(
        Plan(1, None, 15, 1), 80, 40, 2400, {"completed": 2400}, 3, {"audit": 1}, {}, {}, 9600, 9600, 9600,
        2401, 1, {"router": still}, list(problems),
    )  # fmt: skip


def soak(monkeypatch: pytest.MonkeyPatch, found: Report, *arguments: str) -> Result:
    monkeypatch.setattr("pointsman.bench.soak.run.run", lambda plan, say: found)
    return CliRunner().invoke(app, list(arguments))


def test_a_sound_soak_ends_with_0_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = soak(monkeypatch, report())
    assert (ended.exit_code, ended.stdout.splitlines()[-1]) == (
        0,
        "nothing lost, nothing twice, the audit is whole",
    )
    assert "2,400 jobs, 40 a second (a burst was done at 80), seed 1: 2,400 completed" in ended.stdout


def test_a_soak_that_lost_something_ends_with_1_and_says_what(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = soak(monkeypatch, report("job a has no outcome", "job b has 2 outcomes"))
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[-3:] == ["job a has no outcome", "job b has 2 outcomes", "2 problems"]
    assert json.loads(soak(monkeypatch, report("lost"), "--json").stdout)["sound"] is False
