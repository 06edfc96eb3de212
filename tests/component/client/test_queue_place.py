"""A job's place in the queue: in its lane, and in the shared limits of all processes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.bitmap import encode_metadata
from pointsman.bus.produce.publisher import Publisher, RecordPosition
from pointsman.bus.read import ahead
from pointsman.bus.settings import LanePart
from pointsman.client.line import QueuePlace, standing
from pointsman_schemas.control.limits import LimitDeclared
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.sole_writer import SoleWriter
from tests.support.running.command import Command
from tests.support.worker.routed_jobs import job_id, routed
from tests.support.worker.sharing import processes, until

pytestmark = pytest.mark.stack

SLOW = LimitDeclared(process="t", budget="slow", limit=1, window_s=600, slack_s=1)


async def route(kafka: Kafka, *numbers: int, topic: str | None = None) -> Sequence[RecordPosition]:
    """Routes jobs to one partition of the small tier."""
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, topics.all(["small"]))
    records = [routed(number, topics=topics) for number in numbers]
    sent = [
        Outgoing(topic or record.topic, b"one lane", record.value, list(record.headers)) for record in records
    ]
    async with Publisher(kafka.settings) as publisher:
        return await publisher.publish(sent)


async def place(kafka: Kafka, number: int) -> QueuePlace:
    return await standing(kafka.settings, Topics(kafka.prefix), job_id(number))


async def test_earlier_jobs_in_its_lane_are_counted(kafka: Kafka) -> None:
    await route(kafka, 1, 2, 3, 4)
    assert await place(kafka, 1) == QueuePlace(job_id(1), "in_lane", "small", 0)
    assert await place(kafka, 4) == QueuePlace(job_id(4), "in_lane", "small", 3)
    assert (await place(kafka, 5)).state == "unknown"


async def test_jobs_finished_out_of_order_are_not_counted(kafka: Kafka) -> None:
    places = await route(kafka, 1, 2, 3, 4)
    offsets = [place.offset for place in places if place.offset is not None]
    lane = TopicPartition(places[0].topic, places[0].partition)
    settings = LanePart(kafka=kafka.bootstrap, prefix=kafka.prefix)
    writer = await SoleWriter.open(settings, f"{kafka.prefix}.worker.small", lane)
    await writer.write([], offsets[1], encode_metadata(offsets[1], [offsets[2]]))
    await writer.close()
    assert [(await place(kafka, number)).state for number in (1, 2, 3)] == ["ended", "in_lane", "ended"]
    assert (await place(kafka, 4)).before == 1, "job 2 alone"


async def test_an_estimate_ignores_jobs_finished_behind_it(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Job 4 is finished, and says nothing about how many wait before job 3."""
    positions = await route(kafka, 1, 2, 3, 4)
    offsets = [position.offset for position in positions if position.offset is not None]
    lane = TopicPartition(positions[0].topic, positions[0].partition)
    settings = LanePart(kafka=kafka.bootstrap, prefix=kafka.prefix)
    writer = await SoleWriter.open(settings, f"{kafka.prefix}.worker.small", lane)
    await writer.write([], offsets[1], encode_metadata(offsets[1], [offsets[3]]))
    await writer.close()
    monkeypatch.setattr(ahead, "COUNTED", 0)
    queue_place = await place(kafka, 3)
    assert (queue_place.before, queue_place.exact) == (1, False), "job 2"


async def test_an_outcome_removes_it(kafka: Kafka) -> None:
    await route(kafka, 1)
    await route(kafka, 1, topic=Topics(kafka.prefix).results.name)
    assert (await place(kafka, 1)).state == "ended"


async def test_a_job_that_waits_for_a_limit_has_a_place_in_its_queue(kafka: Kafka, tmp_path: Path) -> None:
    await route(kafka, 1, 2, 3)
    async with processes(kafka, "one", "other", declared=[SLOW]) as (one, other):
        first = one.rate_limiter.ask(job_id(1), "t", {"slow": 1})
        await first.decided.wait()
        one.rate_limiter.ask(job_id(2), "t", {"slow": 1})
        await until(lambda: other.all.ledger.waiting)
        other.rate_limiter.ask(job_id(3), "t", {"slow": 1})
        await until(lambda: len(one.all.ledger.waiting) == 2)
        queue_place = await place(kafka, 3)
        command = Command(tmp_path, {"POINTSMAN_KAFKA": kafka.bootstrap, "POINTSMAN_PREFIX": kafka.prefix})
        as_json = await command.run("queue", str(job_id(3)), "--json")
        as_text = await command.run("queue", str(job_id(3)))
    assert queue_place == QueuePlace(
        job_id(3), "limited", "small", 2, limit="slow", limit_before=1, seconds=1202
    )
    assert (as_json.json["state"], as_json.json["limit_before"]) == ("limited", 1)
    assert as_text.lines == ["on small, waits for slow: 1 call before it, let in after 20 min 2 s or more"]
