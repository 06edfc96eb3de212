"""A record that fails between good ones ends alone, and no call is paid for twice, on real servers."""

import json
import os
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman_schemas import dead
from tests.conftest import Kafka
from tests.support.running.system import TIERS, System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(400)]

WEATHER = [
    {"role": "user", "content": "What is the weather?"},
    {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function"}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]
#: Record limits that an operator may set, in bytes.
TIGHT = 4_000


async def tighten(system: System, *names: str) -> None:
    """Sets a smaller record limit on these topics."""
    topics = [topic for topic in system.topics.all(TIERS) if topic.name in names]
    assert len(topics) == len(names)
    await apply(system.settings, [replace(topic, max_message_bytes=TIGHT) for topic in topics])


def job(system: System, job_id: str, **fields: object) -> Outgoing:
    body = {"job_id": job_id, "agent_id": "chat-desk", "tier": "small", **fields}
    return Outgoing(system.topics.intake.name, job_id.encode(), json.dumps(body).encode(), [])


@pytest.mark.parametrize("claims", [False, True])
async def test_failing_records_among_good_ones(
    kafka: Kafka, database: str, tmp_path: Path, claims: bool
) -> None:
    settings: dict[str, Any] = {} if claims else {"POINTSMAN_CLAIMS": ""}
    system = System(tmp_path / "system", kafka.bootstrap, database, kafka.prefix, **settings)
    try:
        await system.start()
        await _among_good_ones(system, claims)
    finally:
        system.stop()


async def _among_good_ones(system: System, claims: bool) -> None:
    calls, dead_letters = system.topics.calls.name, system.topics.dead.name
    small = system.topics.tier("small").name
    good = system.jobs(60)
    odd_ids = [*system.jobs(4)]
    no_content, long_for_calls, long_for_tier, bad = odd_ids
    incompressible = b64encode(os.urandom(2 * TIGHT)).decode()
    await tighten(system, calls, dead_letters, small)
    odd = [
        job(system, no_content, messages=WEATHER),
        job(system, long_for_calls, prompt=incompressible, tier="frontier"),
        job(system, long_for_tier, prompt=incompressible),
        job(system, bad, prompt=incompressible, deadline="never"),
    ]
    submitted = list(good.values())
    for number, odd_record in enumerate(odd):
        submitted.insert(number * 14 + 3, odd_record)
    await system.send(submitted)
    await system.until_ended([*good, *odd_ids], 200)

    records = await system.read()
    outcomes = {}
    times_ended: Counter[str] = Counter()
    for record in records:
        if record.topic == system.topics.results.name:
            outcome = orjson.loads(record.value or b"")
            outcomes[outcome["job_id"]] = outcome
            times_ended[outcome["job_id"]] += 1
    assert times_ended == dict.fromkeys([*good, *odd_ids], 1)
    kinds = {job_id: outcome["type"] for job_id, outcome in outcomes.items()}
    assert {kinds[job_id] for job_id in good} == {"job.completed.v1"}
    assert [kinds[job_id] for job_id in odd_ids] == [
        "job.completed.v1",
        "job.completed.v1",
        "job.completed.v1" if claims else "job.failed.v1",
        "job.rejected.v1",
    ]
    called_jobs = [*good, no_content, long_for_calls]
    if claims:
        called_jobs.append(long_for_tier)  # the tier's record has a claim for it
    else:
        assert f"topic {small} takes" in outcomes[long_for_tier]["message"]

    finished_calls = [orjson.loads(record.value or b"") for record in records if record.topic == calls]
    assert Counter(call["job_id"] for call in finished_calls) == dict.fromkeys(called_jobs, 1)
    cut = next(call for call in finished_calls if call["job_id"] == long_for_calls)
    assert ("claim" in cut) if claims else (cut["request"]["cut"]["bytes"] > 2 * TIGHT)
    assert (await system.provider_stats())["total"] == len(called_jobs)

    letters = [dict(record.headers) for record in records if record.topic == dead_letters]
    reported = {(headers["ce_jobid"].decode(), headers["ce_reason"]) for headers in letters}
    assert reported == {(bad, b"wrong_type")} | (set() if claims else {(long_for_tier, b"too_large")})
    assert all(int(headers[dead.CUT_BYTES]) > 2 * TIGHT for headers in letters)
    assert await system.problems([*good, *odd_ids]) == []
