"""Pieces of streamed answers on Kafka are sent while the answer arrives, without delaying other jobs."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.produce import chunk_publisher
from pointsman.bus.produce.chunk_publisher import ChunkPublisher
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.bus.read.follow import Follower
from pointsman.dev.simulator import SimulatorSettings
from pointsman.registry.cancellations import Cancellations
from pointsman.runtime.settings import KafkaPart
from pointsman.worker.handlers import WorkerHandler
from pointsman.worker.providers.streaming.completion_fold import CompletionFold
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.outcomes import JobCancelled, JobCompleted
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.running.simulated import serving
from tests.support.worker.routed_jobs import AGENT, calls, job_id, outcome, routed
from tests.support.worker.working import Worker, provider_of

pytestmark = pytest.mark.stack

SLOW = {"effect": {"kind": "slow_stream", "gap_ms": 30}}


class Pieces:
    """The records of `jobs.chunks`, read outside a group."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self.records: list[Incoming] = []

    async def until(self, enough: Callable[[list[JobChunk]], object]) -> list[JobChunk]:
        """All pieces, once the condition is true."""
        async with asyncio.timeout(60):
            while not enough(self.chunks):
                self.records += await self._follower.read()
        return self.chunks

    @property
    def chunks(self) -> list[JobChunk]:
        decoded = [decode(record) for record in self.records]
        return [
            item.message
            for item in decoded
            if isinstance(item, Decoded) and isinstance(item.message, JobChunk)
        ]


@asynccontextmanager
async def streaming(kafka: Kafka, *faults: object) -> AsyncIterator[tuple[Worker, Pieces]]:
    chunks = Topics(kafka.prefix).chunks
    await apply(kafka.settings, [chunks])
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}, "faults": faults})
    publisher = ChunkPublisher(kafka.settings)
    async with (
        serving(settings) as url,
        provider_of(url) as provider,
        Follower(kafka.settings, [chunks.name]) as follower,
        publisher.running(),
    ):
        yield (
            Worker(
                provider,
                send_chunk=lambda record: publisher.send(replace(record, topic=chunks.name)),
                attempts=3,
            ),
            Pieces(follower),
        )


def folded(chunks: Sequence[JobChunk]) -> Any:
    """The answer without fields that no event has."""
    fold = CompletionFold()
    for event in itertools.chain.from_iterable(chunk.events for chunk in chunks):
        fold.add(event)
    return fold.body()


def content(chunks: Sequence[JobChunk]) -> str:
    return str(folded(chunks)["choices"][0]["message"]["content"])


def is_whole(chunks: Sequence[JobChunk]) -> bool:
    """The usage is in the last event."""
    return bool(folded(chunks).get("usage"))


def of_last_call(chunks: Sequence[JobChunk]) -> list[JobChunk]:
    return [chunk for chunk in chunks if chunk.call == chunks[-1].call]


async def test_pieces_arrive_during_the_answer_and_add_up_to_it(kafka: Kafka) -> None:
    async with streaming(kafka, SLOW) as (worker, pieces):
        working = asyncio.create_task(worker.do(stream=True))
        first = (await pieces.until(bool))[0]
        assert not working.done()
        records = await working
        completed = outcome(records)
        assert isinstance(completed, JobCompleted)
        (call,) = calls(records)
        chunks = await pieces.until(is_whole)
    assert len(chunks) > 3
    assert (first.job_id, first.agent_id, first.index) == (job_id(1), AGENT, 0)
    assert {chunk.call for chunk in chunks} == {first.call}
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert folded(chunks) == completed.response
    assert completed.usage is not None
    assert call.request["stream"] is True
    assert call.first_event_ms is not None
    assert 0 < call.first_event_ms < call.duration_ms
    key = str(job_id(1)).encode()
    assert {(record.key, record.partition) for record in pieces.records} == {
        (key, partition_of(key, Topics().results.partitions, itertools.count()))
    }


async def test_an_interrupted_call_is_retried_with_another_call_id(kafka: Kafka) -> None:
    cut = {"first": 1, "effect": {"kind": "cut", "after": 0.5}}
    async with streaming(kafka, SLOW, cut) as (worker, pieces):
        records = await worker.do(stream=True)
        completed = outcome(records)
        assert isinstance(completed, JobCompleted)
        broken, whole = calls(records)
        chunks = await pieces.until(lambda chunks: chunks and is_whole(of_last_call(chunks)))
    assert (broken.status, broken.error_type, whole.status) == ("retry", "connection", "ok")
    first, second = dict.fromkeys(chunk.call for chunk in chunks)
    of_broken = [chunk for chunk in chunks if chunk.call == first]
    assert [chunk.index for chunk in of_broken] == list(range(len(of_broken)))
    assert broken.response is not None
    assert 0 < len(content(of_broken)) < len(content(of_last_call(chunks)))
    assert content(of_broken) == broken.response["choices"][0]["message"]["content"], (
        "it was read by somebody"
    )
    assert second == chunks[-1].call


@pytest.mark.parametrize(
    "effect",
    [
        {"kind": "malformed", "after": 0.5},
        {"kind": "error_event", "after": 0.5},
        {"kind": "unfinished", "after": 0.5},
        {"kind": "cut", "after": 0.9},
        {"kind": "empty_choices"},
    ],
)
async def test_the_job_succeeds_whatever_the_stream_does(effect: dict[str, Any]) -> None:
    settings = SimulatorSettings.model_validate(
        {"latency_ms": {"small": 1}, "faults": [{"first": 2, "effect": effect}]}
    )
    async with serving(settings) as url, provider_of(url) as provider:
        worker = Worker(provider, send_chunk=lambda record: None, attempts=3)
        records = await worker.do(stream=True)
    completed = outcome(records)
    assert isinstance(completed, JobCompleted)
    assert [call.status for call in calls(records)] == ["retry", "retry", "ok"]


async def test_an_unavailable_broker_does_not_affect_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_publisher, "_MOST_RECORDS", 5)
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    publisher = ChunkPublisher(KafkaPart(kafka="127.0.0.1:1"))
    async with serving(settings) as url, provider_of(url) as provider, publisher.running():
        worker = Worker(provider, send_chunk=publisher.send)
        jobs = [worker.do(number, stream=True) for number in range(1, 21)]
        async with asyncio.timeout(60):
            ended = await asyncio.gather(*jobs)
    assert all(isinstance(outcome(records), JobCompleted) for records in ended)


@pytest.mark.parametrize("asked", [{}, {"stream": False}, {"stream_options": {"include_usage": True}}])
async def test_unstreamed_jobs_publish_no_pieces(asked: dict[str, Any]) -> None:
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with serving(settings) as url, provider_of(url) as provider:
        worker = Worker(provider, send_chunk=lambda record: pytest.fail("it was streamed"))
        (call,) = calls(await worker.do(**asked))
    assert (call.status, call.first_event_ms) == ("ok", None)
    assert not {"stream", "stream_options"} & call.request.keys()


async def test_a_cancelled_job_has_the_received_part_recorded() -> None:
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}, "faults": [SLOW]})
    came = asyncio.Event()
    async with serving(settings) as url, provider_of(url) as provider:
        worker = Worker(provider, send_chunk=lambda record: came.set())
        working = asyncio.create_task(worker.do(stream=True))
        async with asyncio.timeout(60):
            await came.wait()
        worker.cancellations.cancel(job_id(1), by="on-call")
        records = await working
    assert isinstance(outcome(records), JobCancelled)
    (call,) = calls(records)
    assert (call.status, call.http_status) == ("cancelled", None)
    assert call.response is not None
    assert call.response["choices"][0]["message"]["role"] == "assistant"
    assert call.first_event_ms is not None


async def test_agents_with_their_own_results_topic_get_no_pieces() -> None:
    topics = Topics()
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with serving(settings) as url, provider_of(url) as provider:
        for outcomes, streamed in ((topics.results, True), (topics.agent_results(AGENT), False)):
            sent: list[Outgoing] = []
            handler = WorkerHandler(
                Worker(provider).call_context,
                topics,
                cancellations=Cancellations(),
                outcomes=lambda _, topic=outcomes: topic,  # type: ignore[misc]
                send_chunk=sent.append,
            )
            (call,) = calls(await handler(routed(stream=True)))
            assert call.status == "ok"
            assert bool(sent) is streamed
            assert ("stream" in call.request) is streamed


async def test_a_provider_that_streams_nothing_is_called_as_before() -> None:
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with serving(settings) as url, provider_of(url, stream=False) as provider:
        worker = Worker(provider, send_chunk=lambda record: pytest.fail("it was streamed"))
        (call,) = calls(await worker.do(stream=True))
    assert call.status == "ok"
    assert "stream" not in call.request
