"""A verdict travels from the command to the audit's row, and names who judged."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.audit.rows import row_of
from pointsman.bus.decode import Decoded, decode
from pointsman.bus.follow import follow
from pointsman.router.policy_file import parse
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.audit_store import as_auditor
from tests.support.command import Command
from tests.support.decided import job_ids, routed, store

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
    assert done.lines == [f"{job}: 0 of 1 by ana"]

    topics = Topics(kafka.prefix)
    found = follow(kafka.bootstrap, [topics.feedback.name], start="beginning", until_end=True)
    (record,) = [record async for record in found]
    read = decode(record)
    assert isinstance(read, Decoded), read
    assert read.message == JobFeedback(
        job_id=job, agent_id="math-tutor", by="ana", verdict=0.0, comment="it is 2"
    )
    row = row_of(record, topics)
    assert (row.kind, row.job_id, row.agent_id, row.source) == ("job.feedback.v1", job, "math-tutor", "ana")
    assert row.broker_at.astimezone(UTC) <= datetime.now(UTC)


async def test_of_a_job_that_is_not_on_record_nothing_is_said(pointsman: Command, database: str) -> None:
    await store(database, [])
    done = await pointsman.run("feedback", "ffff", "good")
    assert done.code == 1
    assert "no job ffff" in done.err
