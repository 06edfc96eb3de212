"""A request becomes one job, sent once its outcome can be received, and cancelled if nobody waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

import orjson
import pytest

from pointsman.bus.admin.topic_progress import TopicProgress
from pointsman.bus.errors import (
    BusError,
    KafkaUnavailableError,
    PublishRefusedError,
    PublishUncertainError,
)
from pointsman.gateway import submitter as module
from pointsman.gateway.asking.repeats import Repeats
from pointsman.gateway.door import answered
from pointsman.gateway.errors import ApiError, api_error
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.replies import JobReplies
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.submitter import JobRequest, JobSubmitter, grace_of
from pointsman.gateway.waiting.queues import Queues
from pointsman.runtime.clock import utc_now
from tests.support.gateway.heard import (
    TOPICS,
    FakePublisher,
    FakeReader,
    FakeTaken,
    cancelled,
    outcome,
    replies_of,
)

AWAY = KafkaUnavailableError("k", 1, "away")


@dataclass
class Place:
    reader: FakeReader
    replies: JobReplies
    publisher: FakePublisher
    jobs: JobSubmitter
    taken: FakeTaken

    async def ask(self, text: str = "Hello", agent: str = "app", **headers: str) -> JobReply:
        body = {"messages": [{"role": "user", "content": text}]}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        route = "/v1/chat/completions"
        return await self.jobs.reply(JobRequest(agent, None, body, route, orjson.dumps(body), named))

    def sent_to(self, topic: str) -> list[str]:
        return [(record.key or b"").decode() for record in self.publisher.sent if record.topic == topic]

    @property
    def sent(self) -> list[str]:
        return self.sent_to(TOPICS.intake.name)

    @property
    def cancelled(self) -> list[str]:
        return self.sent_to(TOPICS.control.name)

    @asynccontextmanager
    async def waits(self, reply: JobReply, *, keep: bool = False) -> AsyncIterator[None]:
        with self.jobs.awaited(reply, keep=lambda: keep, grace_s=0):
            yield

    async def left(self) -> None:
        await asyncio.gather(*self.jobs._leaving)


@pytest.fixture
async def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    reader = FakeReader()
    replies, publisher = replies_of(reader), FakePublisher(reader)
    settings = GatewaySettings(prefix="t", gateway_open_requests=5)
    taken = FakeTaken()
    jobs = submitter_of(settings, replies, publisher, taken=taken)
    return Place(reader, replies, publisher, jobs, taken)


def submitter_of(
    settings: GatewaySettings,
    replies: JobReplies,
    publisher: FakePublisher,
    queues: Queues | None = None,
    taken: FakeTaken | None = None,
) -> JobSubmitter:
    return JobSubmitter(
        settings,
        replies,
        publisher,  # type: ignore[arg-type]
        queues=queues or Queues(),
        taken=taken or FakeTaken(),  # type: ignore[arg-type]
        claim_check=None,
        key=None,
        clock=utc_now,
    )


async def test_a_jobs_partition_is_read_before_it_is_sent(place: Place) -> None:
    reply = await place.ask()
    assert place.sent == [str(reply.job_id)]
    assert place.publisher.read_before == [[reply.number]]


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "k"}])
@pytest.mark.parametrize("where", ["reader", "publisher"])
async def test_an_unsent_job_is_forgotten_and_its_retry_is_one_job(
    place: Place, where: str, headers: dict[str, str]
) -> None:
    if where == "reader":
        place.reader.error = AWAY
    else:
        place.publisher.errors = [AWAY]
    with pytest.raises(BusError) as refused:
        await place.ask(**headers)
    error = api_error(refused.value)
    assert (error.status, error.headers["retry-after"]) == (503, "1")
    assert len(place.replies) == 0
    place.reader.error = None
    reply = await place.ask(**headers, x_stainless_retry_count="1")
    assert place.sent == [str(reply.job_id)]


@pytest.mark.parametrize("where", ["reader", "publisher"])
async def test_all_requests_of_an_unsent_job_are_told(place: Place, where: str) -> None:
    if where == "reader":
        place.reader.error = AWAY
    else:
        place.publisher.errors = [AWAY]
    asked = [asyncio.create_task(place.ask(idempotency_key="k")) for _ in range(3)]
    for _ in range(6):  # whoever comes while it fails finds it being sent, or makes it anew
        asked.append(asyncio.create_task(place.ask(idempotency_key="k")))
        await asyncio.sleep(0)
    replies = await asyncio.gather(*asked, return_exceptions=True)
    attached = [reply for reply in replies if isinstance(reply, JobReply)]
    assert len(replies) > len(attached)
    assert all(reply is AWAY or isinstance(reply, JobReply) for reply in replies)
    assert len({id(reply) for reply in attached}) == len(place.sent) <= 1


async def test_a_possibly_sent_job_is_waited_for_and_not_resent(place: Place) -> None:
    place.publisher.errors = [PublishUncertainError("late", (0,))]
    first = await place.ask(idempotency_key="k")
    assert await place.ask(idempotency_key="k") is first
    assert place.sent == []
    place.replies._take(outcome(first.job_id))
    assert first.outcome.done()


async def test_a_record_that_kafka_refuses_is_too_large(place: Place) -> None:
    place.publisher.errors = [PublishRefusedError("too large", (0,))]
    with pytest.raises(BusError) as refused:
        await place.ask()
    assert (api_error(refused.value).status, api_error(refused.value).code) == (413, "too_large")
    assert len(place.replies) == 0


async def test_one_key_is_one_job_under_way_and_done(place: Place) -> None:
    first, *others = await asyncio.gather(*(place.ask(idempotency_key="k") for _ in range(4)))
    assert all(other is first for other in others)
    place.replies._take(outcome(first.job_id))
    assert await place.ask(idempotency_key="k") is first
    assert len(place.sent) == 1
    with pytest.raises(ApiError) as refused:
        await place.ask("Something else", idempotency_key="k")
    assert refused.value.status == 409
    stranger = await place.ask(agent="stranger", idempotency_key="k")
    assert stranger.job_id != first.job_id


async def test_another_process_makes_the_same_job_of_the_same_key(place: Place) -> None:
    first = await place.ask(idempotency_key="k")
    elsewhere = replies_of(place.reader)
    settings = GatewaySettings(prefix="t")
    publisher = FakePublisher(place.reader)
    jobs = submitter_of(settings, elsewhere, publisher)
    other = Place(place.reader, elsewhere, publisher, jobs, place.taken)
    again = await other.ask(idempotency_key="k")
    assert again.job_id == first.job_id
    came = outcome(first.job_id, request_digest=first.job.metadata["pointsman_request"])
    elsewhere._take(came)
    assert answered(again).response["choices"]
    with pytest.raises(ApiError) as refused:  # its own job is the first's, and so is the outcome
        third = replies_of(place.reader)
        publisher = FakePublisher(place.reader)
        place_ = Place(place.reader, third, publisher, submitter_of(settings, third, publisher), place.taken)
        reply = await place_.ask("Another body", idempotency_key="k")
        third._take(came)
        answered(reply)
    assert (refused.value.status, refused.value.code) == (409, "idempotency_key_reused")
    assert refused.value.headers["x-should-retry"] == "false"


async def test_jobs_without_a_key_have_no_digest(place: Place) -> None:
    reply = await place.ask()
    assert not reply.job.metadata
    place.replies._take(outcome(reply.job_id))
    assert answered(reply).response["choices"]


async def test_a_job_that_cannot_meet_its_deadline_is_refused(place: Place) -> None:
    queues, now = Queues(), monotonic()
    for ago, done in ((10.0, 0), (0.0, 100)):  # ten a second, and 10,000 before it
        queues.take(now - ago, {None: TopicProgress(9, 9), "small": TopicProgress(10_100, done)})
    place.jobs = submitter_of(GatewaySettings(prefix="t"), place.replies, place.publisher, queues)
    with pytest.raises(ApiError, match="at least 500 s") as refused:
        await place.ask(x_pointsman_deadline="300")
    assert refused.value.status == 429
    assert 150 < int(refused.value.headers["retry-after"]) <= 201
    assert not place.sent
    await place.ask(x_pointsman_deadline="501")
    assert len(place.sent) == 1


async def test_who_searches_for_a_keyed_job_before_it_is_made_gets_nothing_of_it(place: Place) -> None:
    first = await place.ask(idempotency_key="k")
    place.replies.forget(first)
    place.replies._look_back.find = lambda _: None  # type: ignore[method-assign, assignment]
    search = asyncio.create_task(place.jobs.replies.search(first.job_id, "stranger", 30))
    await asyncio.sleep(0)
    again = await place.ask(idempotency_key="k")
    assert (again.job.agent_id, again.job_id) == ("app", first.job_id)
    place.replies._take(outcome(first.job_id))
    assert again.outcome.done()
    assert not search.done()
    search.cancel()
    await asyncio.wait([search])


async def test_a_clients_own_retry_is_attached_and_a_second_request_is_not(place: Place) -> None:
    first = await place.ask()
    assert await place.ask(x_stainless_retry_count="1") is first
    assert await place.ask(x_stainless_retry_count="0") is not first
    assert await place.ask("Other", x_stainless_retry_count="1") is not first
    assert await place.ask(agent="stranger", x_stainless_retry_count="1") is not first


async def test_waiting_requests_are_limited(place: Place) -> None:
    waiting = [await place.ask(str(number)) for number in range(5)]
    with pytest.raises(ApiError) as refused:
        await place.ask("one more")
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "5")
    place.replies._take(outcome(waiting[0].job_id))
    await place.ask("one more")


async def test_a_job_without_waiting_clients_is_cancelled(place: Place) -> None:
    reply = await place.ask()
    async with place.waits(reply):
        pass
    await place.left()
    assert place.cancelled == [str(reply.job_id)]


async def test_a_job_with_clients_or_an_outcome_is_not_cancelled(place: Place) -> None:
    reply, keyed, done = [await place.ask(text) for text in ("a", "b", "c")]
    async with place.waits(reply):
        async with place.waits(reply):
            pass
        await place.left()
        async with place.waits(keyed, keep=True):
            pass
        async with place.waits(done):
            place.replies._take(outcome(done.job_id))
        await place.left()
        assert place.cancelled == []


async def test_a_client_that_returns_within_the_grace_period_gets_its_job(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    came_back = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await came_back.wait()

    reply = await place.ask()
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with place.jobs.awaited(reply, keep=lambda: False):
        pass
    leaving = list(place.jobs._leaving)
    with place.jobs.awaited(reply, keep=lambda: True):
        await asyncio.wait(leaving, timeout=0)
        came_back.set()
        await asyncio.gather(*leaving)
    assert waited == [module.GRACE_S]
    assert place.cancelled == []


@pytest.mark.parametrize(
    ("count", "grace"),
    [("0", 0.8), ("1", 1.3), ("2", 2.3), ("4", 8.3), ("99", 8.3), ("1e9", 0.8), ("²", 0.8)],
)
def test_a_retry_is_waited_for_as_long_as_clients_pause(count: str, grace: float) -> None:
    assert grace_of({"x-stainless-retry-count": count}) == pytest.approx(grace)
    assert grace_of({}) == pytest.approx(0.8)


async def test_a_failed_cancellation_is_logged(place: Place) -> None:
    errors: list[BusError | None] = [AWAY]
    place.publisher.errors = errors
    with pytest.raises(BusError) as refused:
        await place.jobs.cancel(UUID(int=1), "app", "for a test")
    assert refused.value is AWAY


async def test_a_retry_of_a_failed_job_is_a_new_job(place: Place) -> None:
    first, keyed = await place.ask(), await place.ask("Other", idempotency_key="k")
    for reply in (first, keyed):
        place.replies._take(cancelled(reply.job_id))
    again = await place.ask(x_stainless_retry_count="1")
    assert again.job_id != first.job_id
    assert await place.ask("Other", idempotency_key="k", x_stainless_retry_count="1") is keyed


async def test_retriable_requests_are_announced_to_other_processes(place: Place) -> None:
    reply = await place.ask(x_stainless_retry_count="0")
    topics = [record.topic for record in place.publisher.sent]
    assert topics == [TOPICS.requests.name, TOPICS.intake.name]
    assert place.publisher.sent[0].value == str(reply.job_id).encode()
    assert place.taken.asked == 0
    for headers in ({}, {"idempotency_key": "k", "x_stainless_retry_count": "0"}):
        place.publisher.sent.clear()
        await place.ask("Other", **headers)
        assert [record.topic for record in place.publisher.sent] == [TOPICS.intake.name]


async def test_a_retry_from_another_process_is_the_job_that_it_was_there(place: Place) -> None:
    first = await place.ask(x_stainless_retry_count="0")
    place.taken.jobs[place.publisher.sent[0].key or b""] = first.job_id
    place.replies.forget(first)  # as in another process
    place.jobs._repeats = Repeats()
    again = await asyncio.gather(*(place.ask(x_stainless_retry_count=count) for count in "12"))
    assert {reply.job_id for reply in again} == {first.job_id}
    assert place.sent == [str(first.job_id)] * 2  # the router refuses the second, and says so
    assert (await place.ask(x_stainless_retry_count="0")).job_id != first.job_id
    asked = place.taken.asked
    assert await place.ask(x_stainless_retry_count="1") is not again[0]
    assert place.taken.asked == asked  # this process knows its own


async def test_a_retry_that_cannot_be_looked_up_is_refused(place: Place) -> None:
    place.taken.error = AWAY
    with pytest.raises(BusError) as refused:
        await place.ask(x_stainless_retry_count="1")
    assert refused.value is AWAY
    assert place.sent == []
    await place.ask(x_stainless_retry_count="0")


async def test_a_job_that_a_retry_elsewhere_waits_for_is_not_cancelled(place: Place) -> None:
    for elsewhere, cancels in ((True, 0), (False, 1)):
        reply = await place.ask(x_stainless_retry_count="0")
        place.taken.left = set() if elsewhere else {reply.job_id}
        async with place.waits(reply):
            pass
        await place.left()
        assert len(place.cancelled) == cancels
        values = [record.value for record in place.publisher.sent if record.topic == TOPICS.requests.name]
        assert f"left {reply.job_id}".encode() in values  # before anybody can know which it is
    reply = await place.ask(x_stainless_retry_count="0")
    place.taken.error = AWAY
    async with place.waits(reply):
        pass
    await place.left()
    assert len(place.cancelled) == 1
    place.taken.error, place.taken.left = None, {reply.job_id}
    async with place.waits(reply):  # it went on, and somebody else came for it
        pass
    await place.left()
    assert len(place.cancelled) == 2
