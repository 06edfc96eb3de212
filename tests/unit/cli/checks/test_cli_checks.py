"""What `doctor` reports for each possible problem, with a command that fixes it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pointsman.bus.admin.probe import Broker, Probe
from pointsman.bus.admin.topic_changes import Change
from pointsman.cli.checks import files
from pointsman.cli.checks import kafka as kafka_checks
from pointsman.cli.checks import postgres as postgres_checks
from pointsman.cli.checks.finding import CheckResult, checkup
from pointsman.runtime.settings import KafkaPart
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman_schemas.topics import Topics

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
GOOD = Probe("host:9092", None, "4.2", 2, "c", (Broker(1, "host", 9092, None),), {})
TOPICS = list(Topics().all(["small"]))
CREATE = Change("pointsman.calls", "create", "create pointsman.calls: 4 partitions", 4)


def answering(monkeypatch: pytest.MonkeyPatch, module: Any, **answers: Any) -> None:
    """Makes the functions that `module` calls return these results or raise these errors."""
    for name, answer in answers.items():

        async def answered(*_: Any, answer: Any = answer) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(module, name, answered)


async def kafka_findings(
    monkeypatch: pytest.MonkeyPatch, cluster: Probe, changes: list[Change]
) -> dict[str, CheckResult]:
    answering(monkeypatch, kafka_checks, probe=cluster, plan=changes)
    return {
        finding.check: finding
        for finding in await kafka_checks.kafka(KafkaPart(kafka=cluster.bootstrap), TOPICS)
    }


async def test_a_correct_cluster_has_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = await kafka_findings(monkeypatch, GOOD, [])
    assert all(finding.ok and not finding.fix for finding in findings.values())
    assert list(findings) == ["kafka", "listeners", "topics"]


async def test_no_broker_is_one_failure_not_three(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = await kafka_findings(monkeypatch, Probe("host:9092", "nothing listens on host:9092"), [])
    assert [finding.ok for finding in findings.values()] == [False, None, None]
    assert "pointsman dev" in findings["kafka"].fix


async def test_wrong_advertised_listeners_are_reported_with_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = Probe(
        "host:9092", None, "4.0", 2, "c", (Broker(7, "kafka", 29092, "kafka:29092: unknown host"),), {}
    )
    findings = await kafka_findings(monkeypatch, lost, [])
    assert findings["listeners"].ok is False
    assert "broker 7 sends its clients to kafka:29092" in findings["listeners"].said
    assert "advertised.listeners=PLAINTEXT://host:9092" in findings["listeners"].fix
    assert findings["topics"].ok is None


async def test_a_cluster_without_transactions_v2_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = (await kafka_findings(monkeypatch, replace(GOOD, transactions=1), []))["kafka"]
    assert kafka.ok is False
    assert "needs Kafka 4.0 or newer" in kafka.said
    assert "upgrade --feature transaction.version=2" in kafka.fix


@pytest.mark.parametrize(("release", "reported"), [("4.2", False), ("4.3", True), ("4.4", True)])
async def test_releases_that_lose_transaction_markers_are_reported(
    monkeypatch: pytest.MonkeyPatch, release: str, reported: bool
) -> None:
    kafka = (await kafka_findings(monkeypatch, replace(GOOD, release=release), []))["kafka"]
    assert kafka.ok
    assert ("KAFKA-20734" in kafka.said) is reported


async def test_missing_topics_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = (await kafka_findings(monkeypatch, GOOD, [CREATE, CREATE]))["topics"]
    assert (topics.ok, topics.fix) == (False, "pointsman topics apply")
    assert "create pointsman.calls" in topics.said
    assert "1 more" in topics.said


@pytest.mark.parametrize(
    ("theirs", "ok", "expected"),
    [
        (NOW, True, "within"),
        (NOW + timedelta(seconds=1.9), True, "within"),
        (NOW + timedelta(seconds=5), False, "5.00 s behind Postgres"),
        (NOW - timedelta(seconds=5), False, "5.00 s ahead of Postgres"),
    ],
)
async def test_clocks_are_compared(
    theirs: datetime, ok: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, postgres_checks, fetched=[(theirs,)], pending=[])
    findings = {
        postgre.check: postgre for postgre in await postgres_checks.postgres("postgresql://h/d", lambda: NOW)
    }
    assert findings["clock"].ok is ok
    assert expected in findings["clock"].said
    assert findings["migrations"].ok is True


async def test_a_slow_answer_does_not_make_a_clock_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOW, NOW + timedelta(seconds=8)])
    answering(monkeypatch, postgres_checks, fetched=[(NOW,)], pending=[])
    findings = await postgres_checks.postgres("postgresql://h/d", lambda: next(times))
    assert findings[-1].ok is True


async def test_missing_migrations_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, postgres_checks, fetched=[(NOW,)], pending=["0001_x.sql"])
    finding = (await postgres_checks.postgres("postgresql://h/d", lambda: NOW))[1]
    assert (finding.ok, finding.fix) == (False, "pointsman db migrate")
    assert "0001_x.sql" in finding.said


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (StoreUnavailableError("away"), "pointsman dev"),
        (StoreError("no such database"), "pointsman db migrate"),
    ],
)
async def test_an_unreachable_postgres_is_one_failure(
    error: Exception, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, postgres_checks, fetched=error)
    findings = await postgres_checks.postgres("postgresql://h/d", lambda: NOW)
    assert [finding.ok for finding in findings] == [False, None, None]
    assert fix in findings[0].fix


POLICY = "name: p\ntiers: [small, large]\ndefault: {tier: small, reason: r}\n"
PROVIDERS = "providers: [{name: x, base_url: 'http://h/v1'}]\ntiers: {small: {provider: x, model: m}}\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_tier_without_a_model_is_found(tmp_path: Path) -> None:
    policy, file = files.policy_file(written(tmp_path, "policy.yaml", POLICY))
    assert policy.ok
    finding, providers = files.providers_file(written(tmp_path, "providers.yaml", PROVIDERS), file)
    assert finding.ok is False
    assert "no model for large" in finding.said
    assert providers is not None


def test_an_invalid_file_is_reported_with_its_line_and_stops_dependent_checks(tmp_path: Path) -> None:
    policy, file = files.policy_file(
        written(tmp_path, "policy.yaml", POLICY.replace("small, reason", "nope, reason"))
    )
    assert policy.ok is False
    assert "policy.yaml:3:" in policy.said
    assert file is None


def test_a_remedy_is_printed_below_its_failure() -> None:
    findings = [
        CheckResult("kafka", True, "word " * 40),
        CheckResult("provider with-a-long-name", False, "not reachable", "one\ntwo"),
        CheckResult("topics", None, "not looked at"),
    ]
    screen = Console(file=StringIO(), width=80)
    screen.print(checkup(findings))
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 80
    at = next(place for place, line in enumerate(lines) if line.startswith("✗"))
    assert [line.strip() for line in lines[at + 1 : at + 3]] == ["one", "two"]
    assert lines[-1].startswith("-")


def test_a_missing_file_has_no_lines_to_mend(tmp_path: Path) -> None:
    policy, _ = files.policy_file(tmp_path / "policy.yaml")
    providers, _ = files.providers_file(tmp_path / "providers.yaml", None)
    assert policy.fix == providers.fix == "name a file that exists, or make one: pointsman init"
