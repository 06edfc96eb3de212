"""A verdict given by command reaches the audit table with the name of the judge."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.read.follow import follow
from pointsman.router.policy.policy_file import parse
from pointsman.score.estimate import Bar
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.router.decided import job_ids, routed, store
from tests.support.router.fixed_score import fixed_score
from tests.support.router.scored_policy import TEXT as SCORED
from tests.support.router.scored_policy import scored_file
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor

pytestmark = pytest.mark.stack

TEXT = "name: plain\ntiers: [small]\ndefault: {tier: small, reason: All.}\n"


@pytest.fixture
async def pointsman(kafka: Kafka, database: str, tmp_path: Path) -> Command:
    command = Command(
        tmp_path,
        {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_POSTGRES": as_auditor(database),
        },
    )
    assert (await command.run("topics", "apply")).code == 0
    return command


async def test_a_verdict_is_published_with_the_jobs_agent_and_the_judge(
    pointsman: Command, kafka: Kafka, database: str
) -> None:
    records = routed(parse(TEXT), TEXT, ["1 + 1?"])
    await store(database, records)
    (job,) = job_ids(records)
    done = await pointsman.run("feedback", str(job)[:23], "bad", "--by", "ana", "--comment", "it is 2")
    assert done.code == 0, done.err
    assert done.lines == [f"{job}: verdict 0 by ana"]

    topics = Topics(kafka.prefix)
    feedback = follow(kafka.settings, [topics.feedback.name], start="beginning", until_end=True)
    (record,) = [record async for record in feedback]
    read = decode(record)
    assert isinstance(read, Decoded), read
    assert read.message == JobFeedback(
        job_id=job, agent_id="math-tutor", by="ana", verdict=0.0, comment="it is 2"
    )
    row = row_of(record, topics)
    assert (row.kind, row.job_id, row.agent_id, row.source) == ("job.feedback.v1", job, "math-tutor", "ana")
    assert row.broker_at.astimezone(UTC) <= datetime.now(UTC)


async def test_a_verdict_carries_the_scores_prediction(
    pointsman: Command, kafka: Kafka, database: str
) -> None:
    file = scored_file(fixed_score({"easy": (0.9995, 0.9999, 1.0)}, bar=Bar(rate=0.1, margin=0.0)))
    records = routed(file, SCORED, ["easy sum"])
    await store(database, records)
    (job,) = job_ids(records)
    done = await pointsman.run("feedback", str(job), "good", "--by", "ana")
    assert done.code == 0, done.err
    feedback = follow(kafka.settings, [Topics(kafka.prefix).feedback.name], start="beginning", until_end=True)
    (read,) = [decode(record) async for record in feedback]
    assert isinstance(read, Decoded) and isinstance(read.message, JobFeedback)
    promised = decode(records[-1])
    assert isinstance(promised, Decoded) and isinstance(promised.message, JobRouted)
    assert promised.message.decision.score is not None
    assert (read.message.tier, read.message.score) == ("small", promised.message.decision.score)


async def test_an_unknown_job_gets_no_verdict(pointsman: Command, database: str) -> None:
    await store(database, [])
    done = await pointsman.run("feedback", "ffff", "good")
    assert done.code == 1
    assert "no job ffff" in done.err
