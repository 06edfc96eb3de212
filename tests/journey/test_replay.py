"""Recorded jobs are submitted again and answered."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from pointsman import Client
from pointsman.bus.codec.records import Outgoing
from pointsman_schemas.outcomes import JobCompleted
from tests.support.running.command import Command
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


async def test_failed_jobs_are_sent_once_more(system: System, tmp_path: Path) -> None:
    shell = Command(
        tmp_path,
        {
            "POINTSMAN_KAFKA": system.bootstrap,
            "POINTSMAN_PREFIX": system.prefix,
            "POINTSMAN_POSTGRES": system.dsn,
        },
    )
    await system.order_faults({"prompt": "odd", "first": 1, "effect": {"kind": "content_filter"}})
    async with Client(kafka=system.bootstrap, prefix=system.prefix, agent_id="chat-desk") as client:
        failed = await client.submit(prompt="an odd question", tier="small")
        done = await client.submit(prompt="a plain question", tier="small")
        assert (failed.type, done.type) == ("job.failed.v1", "job.completed.v1")
        bad = json.dumps({"agent_id": "chat-desk"}).encode()
        await system.send([Outgoing(system.topics.intake.name, b"k", bad, [])])
        await system.until_ended([str(failed.job_id), str(done.job_id)], 30)

        output = await shell.run("replay", "--outcome", "failed")
        assert output.code == 0, output.err
        assert [str(failed.job_id) in line for line in output.lines] == [True]
        assert "would be replayed" in output.err

        sent = await shell.run("replay", "--outcome", "failed", "--send", "--json")
        assert sent.code == 0, sent.err
        assert sent.json["replay_of"] == str(failed.job_id)
        outcome = await client.wait(UUID(sent.json["job_id"]), timeout_s=60)
        assert isinstance(outcome, JobCompleted)  # the provider accepts it the second time

        left_out = await shell.run("replay", "--dead")
        assert "left out: prompt or messages is missing" in left_out.out
    await system.until_ended([str(outcome.job_id)], 30)
    story = await shell.run("trace", str(outcome.job_id), "--json")
    assert str(failed.job_id) in story.out
