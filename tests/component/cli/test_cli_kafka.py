"""Commands that send to or read from a real broker."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman_schemas.envelope import envelope_after
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reasons import FailReason
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.running.command import Command

pytestmark = pytest.mark.stack

UNKNOWN = "01920000-0000-7000-8000-000000000001"


@pytest.fixture
def bare(kafka: Kafka, tmp_path: Path) -> Command:
    return Command(tmp_path, {"POINTSMAN_KAFKA": kafka.bootstrap, "POINTSMAN_PREFIX": kafka.prefix})


@pytest.fixture
async def pointsman(bare: Command) -> Command:
    """The program, on a broker that has the topics."""
    assert (await bare.run("topics", "apply")).code == 0
    return bare


def outcome_of(job: Job) -> JobCompleted | JobFailed:
    """Jobs whose prompt is `fail` fail; the others complete."""
    prompt = job.request.messages[0].content
    of: dict[str, Any] = {"job_id": job.job_id, "agent_id": job.agent_id, "tier": "small", "attempts": 1}
    if prompt == "fail":
        return JobFailed(**of, cost_usd=None, reason=FailReason.TIMEOUT, message="too slow")
    response = {"choices": [{"message": {"content": f"{prompt}!"}}]}
    return JobCompleted(
        **of, cost_usd=Decimal("0.01"), provider="p", model="m", usage=None, response=response
    )


async def answer(kafka: Kafka, number: int) -> AsyncIterator[Job]:
    """Acts as router and worker for `number` jobs."""
    topics = Topics(kafka.prefix)
    async with (
        Publisher(kafka.settings) as publisher,
        aclosing(follow(kafka.settings, [topics.intake.name], start="beginning")) as records,
    ):
        async for record in records:
            accepted = decode_intake(record)
            assert isinstance(accepted, Accepted)
            job = accepted.job
            outcome = outcome_of(job)
            cover = envelope_after(
                accepted.cause, record.origin, step="outcome", source="test", type=outcome.TYPE,
                time=datetime.now(UTC),
            )  # fmt: skip
            await publisher.publish([emit(topics.results, str(job.job_id).encode(), cover, outcome)])
            yield job
            number -= 1
            if not number:
                return


async def test_topics_are_planned_created_and_then_as_declared(bare: Command, kafka: Kafka) -> None:
    planned = await bare.run("topics", "plan", "--exit-code", "--json")
    assert planned.code == 1
    assert {change["kind"] for change in planned.json} == {"create"}
    assert (await bare.run("topics", "plan")).code == 0, "without --exit-code a plan is no failure"
    made = await bare.run("topics", "apply")
    assert len(made.lines) == len(planned.json)
    again = await bare.run("topics", "apply", "--json")
    assert (again.code, again.json) == (0, [])
    assert (await bare.run("topics", "plan", "--exit-code")).code == 0


async def test_a_missing_topic_says_how_to_make_it(bare: Command, kafka: Kafka) -> None:
    done = await bare.run("publish", "--agent", "a", "--prompt", "Hi")
    assert done.code == 1
    problem, hint = done.err.splitlines()
    assert kafka.prefix in problem
    assert hint == " hint: make what is missing: pointsman topics apply"


async def test_published_jobs_wait_and_can_be_followed(pointsman: Command, kafka: Kafka) -> None:
    lines = [{"agent_id": "a", "prompt": f"Question {n}"} for n in range(3)]
    published = await pointsman.run("publish", "-", stdin="\n".join(map(json.dumps, lines)))
    assert (published.code, len(published.lines), published.err) == (0, 3, "")

    waiting = {row["topic"]: row for row in (await pointsman.run("lag", "--json")).json[:4]}
    intake = waiting[f"{kafka.prefix}.jobs.intake"]
    assert (intake["group"], intake["tier"]) == (f"{kafka.prefix}.router", None)
    assert (intake["waiting"], intake["exact"]) == (3, True)
    assert intake["oldest_seconds"] > 0
    assert waiting[f"{kafka.prefix}.jobs.tier.small"]["oldest_seconds"] is None
    by_partition = (await pointsman.run("lag", "--partitions", "--json")).json
    assert sum(row["waiting"] for row in by_partition if row["group"] == intake["group"]) == 3
    assert any(line.split()[:2] == ["intake", "3"] for line in (await pointsman.run("lag")).lines)

    whole = await pointsman.run("tail", "intake", "--from-beginning", "--to-end", "--json")
    assert {json.loads(line)["headers"]["ce_jobid"] for line in whole.lines} == set(published.lines)
    tailed = await pointsman.run("tail", "--from-beginning", "-n", "1")
    assert len(tailed.lines) == 1
    assert "Question" in tailed.out
    assert tailed.out.split()[4] in "".join(published.lines)


async def test_outcomes_are_streamed_and_one_failure_fails_it(pointsman: Command, kafka: Kafka) -> None:
    process = await pointsman.start("publish", "-", "--wait", "--agent", "a")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b'{"prompt": "Hi"}\n{"prompt": "fail"}\n')
    process.stdin.close()
    jobs = {str(job.job_id): job async for job in answer(kafka, 2)}
    outcomes = [json.loads(line) for line in (await process.stdout.read()).splitlines()]
    assert await process.wait() == 1
    assert {outcome["job_id"] for outcome in outcomes} == set(jobs)
    assert {outcome["type"] for outcome in outcomes} == {"job.completed.v1", "job.failed.v1"}


async def test_all_completed_is_success(pointsman: Command, kafka: Kafka) -> None:
    process = await pointsman.start("publish", "--agent", "a", "--prompt", "Hi", "--wait")
    assert process.stdout is not None
    (job,) = [job async for job in answer(kafka, 1)]
    outcome = json.loads(await process.stdout.read())
    assert await process.wait() == 0
    assert outcome["job_id"] == str(job.job_id)
    assert outcome["response"]["choices"][0]["message"]["content"] == "Hi!"


async def test_no_outcome_in_time_says_how_to_follow_the_job(pointsman: Command) -> None:
    done = await pointsman.run("publish", "--agent", "a", "--prompt", "Hi", "--wait", "--timeout", "3")
    assert (done.code, done.out) == (1, "")
    assert "1 of 1 jobs had no outcome within 3 s" in done.err
    assert "pointsman trace 0" in done.err


async def test_a_whole_id_is_cancelled_without_a_database(pointsman: Command) -> None:
    done = await pointsman.run("cancel", UNKNOWN, "--reason", "enough", "--agent", "boss", "--json")
    assert (done.code, done.json) == (0, {"job_id": UNKNOWN, "reason": "enough"})
    seen = await pointsman.run("tail", "control", "--from-beginning", "--to-end", "--json")
    record = json.loads(seen.out)
    assert record["value"]["reason"] == "enough"
    assert record["headers"]["ce_agentid"] == "boss"
    assert record["headers"]["ce_jobid"] == UNKNOWN


async def test_ctrl_c_ends_a_tail_quietly(pointsman: Command) -> None:
    async with pointsman.running("tail", "control", "--from-beginning") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        await pointsman.run("cancel", UNKNOWN)
        assert b"cancel" in await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert await process.stderr.read() == b""


async def test_without_a_policy_lag_covers_the_existing_tiers(bare: Command, kafka: Kafka) -> None:
    await apply(kafka.settings, Topics(kafka.prefix).all(["tiny", "huge"]))
    done = await replace(bare, told=False).run("lag", "--json")
    assert done.code == 0, done.err
    assert {row["tier"] for row in done.json} == {None, "tiny", "huge"}


async def test_the_place_of_a_job_from_the_far_future_is_unknown(pointsman: Command) -> None:
    done = await pointsman.run("queue", "ffffffff-ffff-7fff-bfff-ffffffffffff", "--json")
    assert done.code == 0, done.err
    assert done.json["state"] == "unknown"
