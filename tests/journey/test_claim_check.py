"""Large jobs and answers in the whole system, also while their store fails."""

import json
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import pytest

from pointsman import Client
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.lane_writer import partition_of
from pointsman_schemas.claims import DATAREF, Claim
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.jobs import JobRouted, JobSubmitted
from pointsman_schemas.outcomes import JobCompleted
from tests.support.running.command import Command
from tests.support.running.system import System
from tests.support.worker.routed_jobs import NOW

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

LARGE = 256 * 1024
TEXT = "A line that says nothing, and says it again. " * 60_000  # 2.7 MB


def store_of(system: System) -> str:
    return system.processes["router"].environment["POINTSMAN_CLAIMS"]


def folder_of(system: System) -> Path:
    return Path(unquote(urlsplit(store_of(system)).path))


def client_of(system: System) -> Client:
    return Client(kafka=system.bootstrap, prefix=system.prefix, claims=store_of(system), agent_id="chat-desk")


def command_of(system: System, folder: Path) -> Command:
    settings = {"KAFKA": system.bootstrap, "PREFIX": system.prefix, "CLAIMS": store_of(system)}
    settings["POSTGRES"] = system.processes["router"].environment["POINTSMAN_POSTGRES"]
    return Command(folder, {f"POINTSMAN_{name}": value for name, value in settings.items()})


def dangling(topic: str, kind: str, job_id: UUID, system: System) -> Outgoing:
    """A record whose value was never stored."""
    claim = Claim(digest="sha256:" + "0" * 64, bytes=5_000_000, store=store_of(system))
    cover = first_envelope(uuid4(), source="test", type=kind, time=NOW, agent_id="chat-desk", job_id=job_id)
    value = json.dumps({"claim": claim.model_dump(), "type": kind}).encode()
    headers = [*cover.to_headers(), (DATAREF, f"{store_of(system)}/{'0' * 64}".encode())]
    return Outgoing(topic, str(job_id).encode(), value, headers)


async def test_large_jobs_and_answers_and_a_store_that_goes_away(system: System, tmp_path: Path) -> None:
    async with client_of(system) as client:
        # A large question with a large answer.
        much: dict[str, Any] = {"n": 16, "logprobs": True, "top_logprobs": 20, "tier": "small"}
        done = await client.submit(prompt=TEXT, timeout_s=120, **much)
        assert isinstance(done, JobCompleted)
        assert len(json.dumps(done.response)) > LARGE

        # The store is down: a large job waits, a small one in another lane does not, and no job fails.
        job_id = await client.publish(prompt=TEXT + "?", tier="medium")
        await client.wait(job_id, timeout_s=120)
        away, here = folder_of(system).with_name("away"), folder_of(system)
        waiting = await _put_before_it_goes(client, here, away)
        elsewhere = next(id for id in iter(uuid4, None) if _lane(id) != _lane(waiting))
        small = await client.submit(prompt="Hello", tier="frontier", job_id=elsewhere, timeout_s=120)
        assert isinstance(small, JobCompleted)

        async def somebody_waits() -> bool:
            return any("is not available" in process.last_lines(50) for process in system.processes.values())

        await system.until(somebody_waits, 120, "a service that waits for the store")
        here.unlink()
        away.rename(here)
        ended = await client.wait(waiting, timeout_s=120)
        assert isinstance(ended, JobCompleted)

    # A value that was never stored: an explained dead letter, and the job ends.
    lost = [uuid4(), uuid4()]
    await system.send(
        [
            dangling(system.topics.intake.name, JobSubmitted.TYPE, lost[0], system),
            dangling(system.topics.tier("small").name, JobRouted.TYPE, lost[1], system),
        ]
    )
    jobs = [str(id) for id in (done.job_id, job_id, small.job_id, waiting, *lost)]
    await system.until_ended(jobs, 60)
    pointsman = command_of(system, tmp_path)
    for lost_id, state in zip(lost, ("rejected", "failed"), strict=True):
        trace = (await pointsman.run("trace", str(lost_id))).out
        assert state in trace
        assert "it was deleted, or never put there" in trace

    # The audit stores claims, and commands show the complete values.
    traced = (await pointsman.run("trace", str(done.job_id), "--json")).json["steps"]
    submitted, routed, call, completed = (step["payload"] for step in traced)
    asked = [part["request"]["messages"][0]["content"] for part in (submitted, routed["job"], call)]
    assert asked == [TEXT] * 3
    assert call["response"] == completed["response"] == done.response
    records = [record for record in await system.read() if _is_of(record.key, done.job_id)]
    assert [DATAREF in dict(record.headers) for record in records] == [True] * 4
    assert max(len(record.value or b"") for record in records) < 8_000
    verified = await pointsman.run("audit", "verify")
    missing = [line for line in verified.lines if "never put there" in line]
    assert len(missing) == 1  # the claim that the router refused is reported separately
    assert "✗ 1 thing not as it should be" in verified.lines[0]


async def _put_before_it_goes(client: Client, here: Path, away: Path) -> UUID:
    """Submits a large job, and stops its store before the router can read it."""
    publisher: Any = client.__dict__["_publisher"]
    publish = publisher.publish

    async def go_first(records: list[Outgoing]) -> Any:
        _move(here, away)
        return await publish(records)

    publisher.publish = go_first
    try:
        return await client.publish(prompt=TEXT + "!", tier="medium")
    finally:
        publisher.publish = publish


def _lane(job_id: UUID) -> int:
    """The lane of a job. A lane is ordered: jobs behind a waiting one wait as well."""
    return partition_of(str(job_id).encode(), 4, count())


def _move(here: Path, away: Path) -> None:
    here.rename(away)
    here.touch()  # a file in place of the folder, so that it can be neither read nor recreated


def _is_of(key: bytes | None, job_id: UUID) -> bool:
    return key == str(job_id).encode()
