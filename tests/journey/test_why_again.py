"""A job's decision is recomputed from the audit database, in the whole system."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.support.router.tiny_model import tiny_model
from tests.support.running.command import Command
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


POLICY = """\
name: scored
tiers: [small, medium, frontier]
default: {tier: scored, fallback: frontier, reason: The score decides.}
rules:
  - {name: mails, when: {kind: mail}, tier: small, reason: Mails.}
score: {model: models/tiny.json, quality: 0.99}
"""


@pytest.fixture
async def system(kafka: Kafka, database: str, tmp_path: Path) -> AsyncIterator[System]:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.json").write_bytes(tiny_model())
    (tmp_path / "policy.yaml").write_text(POLICY)
    policy = str(tmp_path / "policy.yaml")
    started = System(tmp_path, kafka.bootstrap, database, kafka.prefix, POINTSMAN_POLICY=policy)
    try:
        await started.start()
        yield started
    finally:
        started.stop()


async def test_decisions_are_recomputed_from_recorded_data(system: System, tmp_path: Path) -> None:
    by_rule, by_score = system.jobs(2, tier=None, kind="mail"), system.jobs(2, tier=None)
    jobs = {**by_rule, **by_score}
    await system.send(list(jobs.values()))
    await system.until_ended(list(jobs), 120)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "policy.yaml").write_text("name: o\ntiers: [o]\ndefault: {tier: o, reason: Another.}\n")
    pointsman = Command(
        elsewhere, {"POINTSMAN_POSTGRES": system.dsn, "POINTSMAN_POLICY": str(elsewhere / "policy.yaml")}
    )
    for job in jobs:
        done = await pointsman.run("why", job, "--recompute")
        assert done.code == 0, done.out + done.err
        assert "the same" in done.lines[-1]
    for job in by_score:
        answer = (await pointsman.run("why", job, "--json")).json
        assert "score" in [check["layer"] for check in answer["decision"]["checks"]]
        assert answer["saw"]["missing"] is None
