"""The pure parts of the soak test: schedule, memory growth, and output."""

import asyncio
import json
from dataclasses import replace
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pointsman.bench.soak.accidents import SERVERS, Accident, AccidentKind, accidents, outages
from pointsman.bench.soak.memory import Sample, memory, slope
from pointsman.bench.soak.record import Record, logged
from pointsman.bench.soak.run import Plan, Soak, SoakReport
from pointsman.bench.soak.victims import Victims
from pointsman.bus.codec.records import Incoming
from pointsman.cli.main import app
from pointsman.identity.keys import PrivateKey

NAMES = ("router", "worker", "audit")


def course(seed: int) -> list[Accident]:
    return list(islice(accidents(seed, NAMES, 10, 6), 500))


def test_the_same_seed_gives_the_same_accidents() -> None:
    assert course(1) == course(1)
    assert course(1) != course(2)


def test_everyone_is_killed_and_frozen_and_a_freeze_outlasts_the_session() -> None:
    planned = course(1)
    assert {(accident.name, accident.kind) for accident in planned} == {
        (name, kind) for name in NAMES for kind in AccidentKind
    }
    assert all(accident.lasts_s > 6 for accident in planned if accident.kind is AccidentKind.FREEZE)
    assert sum(accident.after_s for accident in planned) / len(planned) == pytest.approx(10, rel=0.2)


def test_servers_are_killed_from_the_same_seed_and_more_rarely() -> None:
    planned = list(islice(outages(1, 10), 500))
    assert planned == list(islice(outages(1, 10), 500))
    assert {(accident.name, accident.kind) for accident in planned} == {
        (name, AccidentKind.KILL) for name in SERVERS
    }
    assert sum(accident.after_s for accident in planned) / len(planned) == pytest.approx(80, rel=0.2)


async def test_a_server_that_was_killed_is_back_before_anything_is_compared() -> None:
    class Server:
        def __init__(self) -> None:
            self.running = True
            self.killed = asyncio.Event()

        def kill(self) -> None:
            self.running = False
            self.killed.set()

        def start(self) -> None:
            self.running = True

    server: Any = Server()
    victims = Victims([], {"Kafka": server})
    losing = asyncio.create_task(victims.lose_servers([Accident(0, "Kafka", AccidentKind.KILL, 0.05)]))
    await server.killed.wait()
    assert not server.running
    losing.cancel()
    await asyncio.wait([losing])
    assert server.running


@pytest.mark.parametrize(
    "changes",
    [{"key": b"x"}, {"key": None}, {"value": None}, {"timestamp_ms": 1}, {"headers": (("a", b"b"),)}],
    ids=str,
)
def test_every_part_of_a_record_is_compared(changes: dict[str, Any]) -> None:
    record = Incoming("t.calls", 0, 1, 2, b"k", b"{}", ())
    assert logged(replace(record, **changes)).digest != logged(record).digest


def test_a_trend_is_found_in_noise() -> None:
    noisy = [Sample(second, 80 + second / 360 + (0.5 if second % 2 else -0.5)) for second in range(0, 1200)]
    assert slope(noisy) * 3600 == pytest.approx(10, abs=0.1)


def test_memory_that_grows_is_stated_per_hour_and_the_start_does_not_count() -> None:
    warming = [Sample(1000.0 + second, 40 + second) for second in range(0, 60, 5)]
    grows = [Sample(1060.0 + second, 100 + second / 100) for second in range(0, 600, 5)]
    growth = memory([[Sample(0, 500), Sample(5, 700)], warming + grows])
    assert growth.mb_per_hour == pytest.approx(36)
    assert (growth.lives, growth.seconds, growth.first_mb, growth.most_mb) == (2, 655, 100, 700)
    assert growth.last_mb == pytest.approx(105.95)


def test_a_short_run_has_no_trend() -> None:
    assert memory([[Sample(second, 80 + second) for second in range(0, 90, 5)]]).mb_per_hour is None
    assert memory([[Sample(0, 80)]]).first_mb == 80


def report(*problems: str) -> SoakReport:
    still = memory([[Sample(second, 80) for second in range(0, 600, 5)]])
    return SoakReport(
        Plan(1, None, 15, 1), 80, 40, 2400, {"completed": 2400}, 3, {"audit": 1}, {}, {}, 9600, 9600, 9600,
        2401, 1, {"router": still}, list(problems),
    )  # fmt: skip


def soak(monkeypatch: pytest.MonkeyPatch, soak_report: SoakReport, *arguments: str) -> Result:
    monkeypatch.setattr("pointsman.bench.soak.run.run", lambda plan, say: soak_report)
    return CliRunner().invoke(app, ["bench", "soak", *arguments])


def test_a_correct_run_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
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
    as_json = soak(monkeypatch, report("lost"), "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["sound"]) == (1, False)


@pytest.mark.parametrize(
    ("drained", "ended", "problems"),
    [
        (True, [], ["lost"]),
        (False, [], ["not everything was done 600 s after the last job", "lost"]),
        (True, ["audit"], ["lost", "audit ended by itself"]),
    ],
)
async def test_late_jobs_and_crashed_processes_are_problems(
    monkeypatch: pytest.MonkeyPatch, drained: bool, ended: list[str], problems: list[str]
) -> None:
    async def nothing(*_: object) -> None: ...

    async def waits_no_more(_: Soak) -> bool:
        return drained

    async def compared(*_: object, **__: object) -> Record:
        return Record([], problems=["lost"])

    provider = SimpleNamespace(order=lambda *_: None, stats=lambda: {"total": 0})
    monkeypatch.setattr("pointsman.bench.soak.run.Simulated", lambda _: provider)
    monkeypatch.setattr("pointsman.bench.soak.run.examine", compared)
    monkeypatch.setattr(Soak, "_suffer", nothing)
    monkeypatch.setattr(Soak, "_drained", waits_no_more)
    key = PrivateKey.parse("11" * 32).public
    whole: Any = SimpleNamespace(
        kafka="",
        postgres="",
        audit_key=key.text,
        stack=SimpleNamespace(kafka=None, postgres=None),
        processes=[SimpleNamespace(name="provider", url="")],
    )
    soak = Soak(whole, Plan(1, 40, 15, 1), lambda _: None)
    soak._victims.ended.update(ended)
    soak_report = await soak.run()
    assert (soak_report.problems, soak_report.sound) == (problems, False)
