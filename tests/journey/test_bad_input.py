"""Malformed records among good ones: good ones are done, bad ones are explained, nothing stops."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from pointsman import Client
from pointsman.bus.codec.records import Outgoing
from pointsman.dev.services.processes import wait_ready
from pointsman_schemas import dead
from pointsman_schemas.outcomes import JobCancelled
from tests.support.bus.bad_records import BAD, GOOD_FIRST, TAKEN
from tests.support.bus.bombs import bomb
from tests.support.bus.raw_produce import produce_raw
from tests.support.bus.record_log import ZSTD, Log
from tests.support.running.system import TIERS, System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


async def test_bad_records_among_a_thousand_good_ones(system: System) -> None:
    good = system.jobs(1_000)
    intake = system.topics.intake.name
    bad = [Outgoing(intake, record.key or b"x", record.value, list(record.headers)) for record in BAD]
    records = list(good.values())
    for number, record in enumerate(bad):
        records.insert(number * 13 + 1, record)
    await system.send([Outgoing(intake, str(TAKEN).encode(), GOOD_FIRST, []), *records])
    await system.until_ended([*good, str(TAKEN)], 120)

    letters: dict[tuple[bytes | None, str], list[str]] = {}

    async def all_dead_lettered() -> bool:
        letters.clear()
        for record in await system.read():
            if record.topic == system.topics.dead.name:
                letter = dead.from_headers(dict(record.headers))
                letters.setdefault((record.value, letter.reason.value), []).append(letter.message)
        return sum(map(len, letters.values())) >= len(BAD)

    await system.until(all_dead_lettered, 60, f"{len(BAD)} dead letters")
    for bad_record in BAD:
        messages = letters.get((bad_record.value, bad_record.reason.value), [])
        assert messages, f"{bad_record.name}: no dead letter {bad_record.reason.value}"
        assert all(len(message) > 10 for message in messages)
    assert sum(map(len, letters.values())) == len(BAD)
    assert all(not process.ended() for process in system.processes.values())
    connection = await asyncpg.connect(system.dsn)
    try:
        rows = await connection.fetch("select value, unreadable from audit.message where topic = $1", intake)
    finally:
        await connection.close()
    stored = {row["value"] for row in rows}
    assert all(bad_record.value in stored for bad_record in BAD)
    refused = {str(TAKEN), *await system.ended()} - set(good)
    assert await system.problems([*good, *refused]) == []


async def test_an_undecodable_header_name_stops_no_service(system: System) -> None:
    """Client libraries fail on such a record every time, so nothing behind it would be read."""
    intake = system.topics.intake
    log = Log()
    odd = b'{"agent_id": "support-desk", "prompt": "What is %d and 1?"}'
    log.add([odd % 1, odd % 2])
    log.rename_header(b"\xff")
    for partition in range(intake.partitions):
        await produce_raw(system.bootstrap, (intake.name, partition), log.data)
    good = system.jobs(100)
    await system.send(list(good.values()))
    await system.until_ended([*good], 60)
    assert all(not process.ended() for process in system.processes.values())
    connection = await asyncpg.connect(system.dsn)

    async def all_stored() -> bool:
        count = await connection.fetchval("select count(*) from audit.message where topic = $1", intake.name)
        return bool(count == 2 * intake.partitions + len(good))

    try:
        await system.until(all_stored, 120, "every record of the intake in the audit")
        headers = await connection.fetch(
            "select headers from audit.message where topic = $1 and value = $2", intake.name, odd % 2
        )
    finally:
        await connection.close()
    assert len(headers) == intake.partitions
    assert all("\\\\xff" in row["headers"] for row in headers), headers
    assert await system.problems([*await system.ended()]) == []


async def test_an_undecodable_header_name_on_any_topic_stops_no_service(system: System) -> None:
    """Neither running services nor new ones stop; jobs are done and cancelled as usual."""
    topics = system.topics.all(TIERS)
    log = Log()
    log.add([b"{}", b"{}"])
    log.rename_header(b"\xff")
    for topic in topics:
        for partition in range(topic.partitions):
            await produce_raw(system.bootstrap, (topic.name, partition), log.data)
    later = [system.add(f"{name} 2", name) for name in ("router", "worker-small", "audit")]
    await asyncio.to_thread(wait_ready, later)
    good = system.jobs(60)
    await system.send(list(good.values()))
    await system.until_ended([*good], 90)
    await system.order_faults({"effect": {"kind": "hang"}})
    async with Client(kafka=system.bootstrap, prefix=system.prefix, agent_id="chat-desk") as client:
        job_id = await client.publish(prompt="never", tier="small")
        await client.cancel(job_id, "changed my mind")
        assert isinstance(await client.wait(job_id, timeout_s=60), JobCancelled)
    await asyncio.to_thread(wait_ready, list(system.processes.values()))
    assert all(not process.ended() for process in system.processes.values())

    async def all_stored() -> bool:
        query = "select topic, count(*) from audit.message where headers::text like '%xff%' group by topic"
        stored: dict[str, int] = dict(map(tuple, await system.fetch(query)))
        return all(stored.get(topic.name, 0) >= topic.partitions for topic in topics)

    await system.until(all_stored, 60, "all of them in the audit")


async def test_a_batch_that_decompresses_to_hundreds_of_megabytes_stops_no_service(system: System) -> None:
    """It has some kilobytes on the network. One dead letter and one row have its position and digest."""
    small = bomb(ZSTD, 300_000_000)
    topics = system.topics
    for topic in (topics.intake, topics.tier("small"), topics.results, topics.dead):
        await produce_raw(system.bootstrap, (topic.name, 0), small.data)
    good = system.jobs(60)
    await system.send(list(good.values()))
    await system.until_ended([*good], 90)

    async def all_stored() -> bool:
        rows = await system.fetch(
            "select topic from audit.message where unreadable like 'too_large: a batch of 1 records at %'"
        )
        letters = await system.fetch(
            "select 1 from audit.message where kind = $1 and value is null", dead.TYPE
        )
        return len(rows) == 4 and len(letters) == 2

    await system.until(all_stored, 90, "what became of the batches")
    assert all(not process.ended() for process in system.processes.values())
    for name, process in system.processes.items():
        status = await asyncio.to_thread(Path(f"/proc/{process.pid}/status").read_text)
        (peak,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
        assert peak < 400_000, f"{name} took {peak:,} kB"
    assert await system.problems([*good]) == []
