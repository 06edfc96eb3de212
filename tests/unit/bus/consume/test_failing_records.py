"""A record that fails ends alone: others are processed once, and the lane continues."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.encoded_batch import Made, unpacked
from pointsman.bus.codec.payloads import Payloads
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Fetched, Incoming, Outgoing
from pointsman.bus.consume import window_lane
from pointsman.bus.consume.batch_lane import batch_lanes
from pointsman.bus.consume.suspects import TRIES
from pointsman.bus.consume.window_lane import WindowLane
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.produce.bitmap import decode_metadata
from pointsman.bus.produce.lane_writer import Position
from pointsman.bus.settings import LanePart
from pointsman.claims.store import ClaimsUnavailableError
from pointsman_schemas import dead
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.claims import DATAREF
from pointsman_schemas.envelope import envelope_after
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from tests.support.bus.claim_stores import Shelf, as_read, claim_check
from tests.support.bus.failing import FAILING, TOPICS
from tests.support.review.cases import request
from tests.support.worker.routed_jobs import NOW, job_id, routed

ERRORS = (ValueError("bad"), KeyError("content"), RecursionError(), MemoryError(), asyncio.CancelledError())


class Panic(BaseException):
    """An error of the fast path, which is not an Exception."""


MOST_TRIES = len(window_lane._TRY_AGAIN_S) + 1


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_lane, "_TRY_AGAIN_S", (0, 0))
    monkeypatch.setattr(window_lane, "GATHER_MOST_S", 0.0)


class Log:
    """A double of the broker: topics have size limits, and transactions are atomic."""

    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.there: list[Outgoing] = []
        self.position = 0
        self.metadata = ""
        self.seed = ""

    async def write(self, records: Iterable[Made], next_offset: int, metadata: str = "") -> None:
        held = list(unpacked(records))
        await asyncio.sleep(0)
        refused = [
            record for record in held if len(record.value or b"") > self.limits.get(record.topic, 1 << 30)
        ]
        if refused:
            raise RecordsRefusedError(refused, "too large")
        self.there += held
        self.position, self.metadata = next_offset, metadata

    def outcomes(self) -> Counter[tuple[str, str]]:
        """The outcome of each job."""
        ended = [dict(record.headers) for record in self.there if record.topic == TOPICS.results.name]
        return Counter((headers["ce_jobid"].decode(), headers["ce_type"].decode()) for headers in ended)


def answer(record: Incoming, *, response: int = 10) -> list[Outgoing]:
    """A call and a completed outcome of a given size."""
    incoming = decode(record)
    assert isinstance(incoming, Decoded)
    assert isinstance(incoming.message, JobRouted)
    about: dict[str, Any] = {"job_id": incoming.message.job.job_id, "agent_id": "math-tutor", "tier": "small"}
    call = CallFinished(
        **about, provider="p", model="m", model_answered="m", attempt=1, started_at=NOW, duration_ms=1,
        status="ok", http_status=200, error_type=None, error=None, request={"x": "question"},
        response={"y": "a" * response}, usage=None, cost_usd=None, prices=None,
    )  # fmt: skip
    done = JobCompleted(
        **about,
        attempts=1,
        cost_usd=None,
        provider="p",
        model="m",
        usage=None,
        response={"y": "a" * response},
    )
    made = []
    for topic, message in ((TOPICS.calls, call), (TOPICS.results, done)):
        cover = envelope_after(
            incoming.envelope, record.origin, step=message.TYPE, source="test", type=message.TYPE, time=NOW
        )
        made.append(emit(topic, record.key, cover, message))
    return made


def decoded(record: Outgoing) -> Any:
    read = decode(as_read(record))
    assert isinstance(read, Decoded), read
    return read.message


def job(number: int, **fields: Any) -> Incoming:
    return routed(number, topics=TOPICS, **fields)


# --- a window lane


async def run_window(
    log: Log, records: Sequence[Incoming], handler: Any, payloads: Payloads | None = None
) -> None:
    """Runs until all is committed. A lane that fails continues with a new writer."""
    lane = WindowLane(0, frozenset(), log, handler, 10, failing=FAILING, payloads=payloads)  # type: ignore[arg-type]
    left = list(records)
    for _ in range(20):
        running = asyncio.create_task(lane.run())
        async with asyncio.timeout(30):
            while log.position <= records[-1].offset and not running.done():
                while left and lane.has_room:
                    lane.feed([left.pop(0)])
                await asyncio.sleep(0)
        if not running.done():
            running.cancel()
            await asyncio.wait([running])
            return
        assert isinstance(running.exception(), RecordsRefusedError)
        assert lane.renew(log.position, decode_metadata(log.position, log.metadata), log)  # type: ignore[arg-type]
    raise AssertionError("the lane is opened anew for ever")


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_any_failure_in_a_window_lane_ends_one_job(seed: int) -> None:
    asyncio.run(_window(random.Random(seed)))


async def _window(chance: random.Random) -> None:
    records = [job(offset) for offset in range(40)]
    raises = {offset: chance.choice(ERRORS) for offset in range(40) if chance.random() < 0.2}
    sizes = {offset: chance.choice([10, 10, 5_000]) for offset in range(40)}
    asked: Counter[int] = Counter()

    async def handler(record: Incoming) -> list[Outgoing]:
        asked[record.offset] += 1
        for _ in range(chance.randrange(5)):
            await asyncio.sleep(0)
        if record.offset in raises:
            raise raises[record.offset]
        return answer(record, response=sizes[record.offset])

    log = Log({TOPICS.calls.name: 3_000, TOPICS.results.name: 3_000, TOPICS.dead.name: 600})
    await run_window(log, records, handler)
    good = [number for number in range(40) if number not in raises and sizes[number] == 10]
    assert log.outcomes() == Counter(
        (str(job_id(number)), f"pointsman.job.{'completed' if number in good else 'failed'}.v1")
        for number in range(40)
    )
    assert asked == {number: MOST_TRIES if number in raises else 1 for number in range(40)}
    called = Counter(
        dict(record.headers)["ce_jobid"] for record in log.there if record.topic == TOPICS.calls.name
    )
    assert set(called.values()) <= {1}
    assert len(called) == 40 - len(raises)
    letters = [record for record in log.there if record.topic == TOPICS.dead.name]
    assert len(letters) == len(raises)


async def test_an_answer_that_is_too_large_is_reported_by_size_and_digest() -> None:
    log = Log({TOPICS.calls.name: 3_000, TOPICS.results.name: 3_000})

    async def handler(record: Incoming) -> list[Outgoing]:
        return answer(record, response=50_000)

    await run_window(log, [job(0)], handler)
    call, outcome = map(decoded, log.there)
    assert isinstance(call, CallFinished)
    content = orjson.dumps({"y": "a" * 50_000})
    assert call.response == {"cut": {"bytes": len(content), "digest": digest(content)}}
    assert isinstance(outcome, JobFailed)
    assert outcome.reason == "bad_response"
    assert outcome.attempts == 1
    whole = answer(job(0), response=50_000)[1].value or b""
    assert f"{len(whole):,} bytes" in outcome.message
    assert digest(whole) in outcome.message
    headers = dict(log.there[1].headers)
    assert headers[dead.CUT_BYTES] == str(len(whole)).encode()
    assert headers[dead.CUT_DIGEST] == digest(whole).encode()


def digest(content: bytes) -> str:
    from hashlib import sha256

    return f"sha256:{sha256(content).hexdigest()}"


async def test_a_store_takes_values_that_a_topic_refuses() -> None:
    log, shelf = Log({TOPICS.calls.name: 1_500, TOPICS.results.name: 1_500}), Shelf()

    async def handler(record: Incoming) -> list[Outgoing]:
        return answer(record, response=1_800)  # less than what goes to the store by itself

    await run_window(log, [job(0)], handler, claim_check(shelf, above=1_000_000))
    assert all(DATAREF in dict(record.headers) for record in log.there)
    assert sorted(map(len, shelf.values.values())) == sorted(
        len(record.value or b"") for record in answer(job(0), response=1_800)
    )
    assert [ended_job for ended_job, _ in log.outcomes()] == [str(job_id(0))]
    assert log.outcomes().keys() == {(str(job_id(0)), "pointsman.job.completed.v1")}


async def test_an_escalated_job_that_does_not_fit_fails_with_a_dead_letter() -> None:
    log = Log({TOPICS.tier("medium").name: 100, TOPICS.dead.name: 600})

    async def handler(record: Incoming) -> list[Outgoing]:
        incoming = decode(record)
        assert isinstance(incoming, Decoded)
        cover = envelope_after(
            incoming.envelope, record.origin, step="up", source="test", type=JobRouted.TYPE, time=NOW
        )
        return [*answer(record)[:1], emit(TOPICS.tier("medium"), record.key, cover, incoming.message)]

    await run_window(log, [job(0, top_p="x" * 700), job(1, top_p="y")], handler)
    assert {kind for _, kind in log.outcomes()} == {"pointsman.job.failed.v1"}
    assert set(log.outcomes().values()) == {1}
    letters = [record for record in log.there if record.topic == TOPICS.dead.name]
    assert [dict(letter.headers)["ce_reason"] for letter in letters] == [b"too_large"] * 2
    assert [letter.value is None for letter in letters] == [
        True,
        False,
    ]  # the one that was too large there, too
    assert sum(record.topic == TOPICS.calls.name for record in log.there) == 2


async def test_a_review_case_that_does_not_fit_ends_its_job() -> None:
    log = Log({TOPICS.review.name: 100})

    async def handler(record: Incoming) -> list[Outgoing]:
        incoming = decode(record)
        assert isinstance(incoming, Decoded)
        case = request()
        cover = envelope_after(
            incoming.envelope, record.origin, step="review", source="test", type=case.TYPE, time=NOW
        )
        return [*answer(record)[:1], emit(TOPICS.review, record.key, cover, case)]

    await run_window(log, [job(0)], handler)
    assert log.outcomes() == {(str(job_id(0)), "pointsman.job.failed.v1"): 1}
    assert [made for made in log.there if made.topic == TOPICS.review.name] == []


async def test_a_refused_truncated_value_stops_the_lane_without_loss() -> None:
    log = Log({TOPICS.results.name: 10})

    async def handler(record: Incoming) -> list[Outgoing]:
        return answer(record)

    lane = WindowLane(0, frozenset(), log, handler, 10, failing=FAILING)  # type: ignore[arg-type]
    lane.feed([job(0)])
    with pytest.raises(RecordsRefusedError, match=r"max\.message\.bytes"):
        await asyncio.wait_for(lane.run(), 30)
    assert (log.there, log.position, lane.pending) == ([], 0, 1)


# --- a batch lane


class Router:
    """A handler that remembers records like the router's: seeing one twice is an error."""

    def __init__(self, raises: dict[int, BaseException], sizes: dict[int, int]) -> None:
        self._raises = raises
        self._sizes = sizes
        self._seen: set[bytes | None] = set()

    def remember_records(self, records: Sequence[Incoming]) -> None:
        self._seen |= {record.key for record in records}

    def remember_batch(self, batch: RecordBatch) -> bool:
        return False

    def handle_batches(self, batches: Sequence[RecordBatch]) -> None:
        raise AssertionError("it takes records")

    def handle_records(self, records: Sequence[Incoming]) -> list[Made]:
        return [made for record in records for made in self._one(record)]

    def fail(self, record: Incoming) -> list[Outgoing]:
        assert record.key not in self._seen, "it has met the record"
        self._seen.add(record.key)
        return FAILING.fail(record, RuntimeError())

    def _one(self, record: Incoming) -> list[Outgoing]:
        assert record.key not in self._seen, f"{record.offset} is taken for a repeat"
        self._seen.add(record.key)
        if record.offset in self._raises:
            raise self._raises[record.offset]
        incoming = decode(record)
        assert isinstance(incoming, Decoded)
        cover = envelope_after(
            incoming.envelope, record.origin, step="routed", source="test", type=JobRouted.TYPE, time=NOW
        )
        made = emit(TOPICS.tier("small"), record.key, cover, incoming.message)
        made.value = (made.value or b"") + b" " * self._sizes.get(record.offset, 0)
        return [made]


async def run_batches(
    log: Log,
    records: Sequence[Incoming],
    raises: dict[int, BaseException],
    sizes: dict[int, int],
    payloads: Payloads | None = None,
) -> int:
    """Runs until all is committed, with a new handler for each start. Returns the number of starts."""
    lanes = batch_lanes(
        LanePart(),
        "g",
        "t",
        lambda _: Router(raises, sizes),
        remembered=100,
        failing=FAILING,
        payloads=payloads,
    )
    lane = None
    for life in range(200):
        lane = lanes.__dict__["_open_lane"](0, Position(log.position), log, lane)
        assert lane.position == 0  # the new handler is to remember what was done before
        lane.feed(records)
        running = asyncio.create_task(lane.run())
        async with asyncio.timeout(30):
            while log.position <= records[-1].offset and not running.done():  # noqa: ASYNC110
                await asyncio.sleep(0)
        if log.position > records[-1].offset:
            running.cancel()
            await asyncio.wait([running])
            return life
        running.exception()
    raise AssertionError("the lane is opened anew for ever")


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_any_failure_in_a_batch_lane_ends_one_job(seed: int) -> None:
    chance = random.Random(seed)
    records = [job(offset) for offset in range(30)]
    raises = {offset: chance.choice([*ERRORS[:4], Panic()]) for offset in range(30) if chance.random() < 0.15}
    sizes = {offset: 5_000 for offset in range(30) if chance.random() < 0.2}
    log = Log({TOPICS.tier("small").name: 3_000, TOPICS.dead.name: 600})
    lives = asyncio.run(run_batches(log, records, raises, sizes))
    bad = {*raises, *sizes}
    assert log.outcomes() == Counter((str(job_id(number)), "pointsman.job.failed.v1") for number in bad)
    done = [record.key for record in log.there if record.topic == TOPICS.tier("small").name]
    assert done == [record.key for record in records if record.offset not in bad]
    letters = [record for record in log.there if record.topic == TOPICS.dead.name]
    assert len(letters) == len(bad)
    assert lives <= 1 + TRIES * len(raises) + 4 * len(sizes) + 1


async def test_a_store_takes_what_a_tier_s_topic_refuses() -> None:
    log, shelf = Log({TOPICS.tier("small").name: 1_500}), Shelf()
    records = [job(0), job(1, messages=[{"role": "user", "content": "x" * 1_800}])]
    await run_batches(log, records, {}, {}, claim_check(shelf, above=1_000_000))
    assert [DATAREF in dict(record.headers) for record in log.there] == [False, True]


# --- what a store fails on


class Broken(Shelf):
    """A store that fails on one value, like a folder with an unreadable file."""

    def __init__(self) -> None:
        super().__init__()
        self.poison: str | None = None

    async def get(self, sha256: str) -> bytes | None:
        if sha256 == self.poison:
            self.asked += 1
            raise RuntimeError("permission denied")
        return await super().get(sha256)


async def test_a_value_that_the_store_cannot_read_affects_no_other() -> None:
    shelf = Broken()
    check = claim_check(shelf, above=100)
    sent = [
        Outgoing(record.topic, record.key, record.value, list(record.headers))
        for record in map(job, range(3))
    ]
    records = [as_read(record, offset) for offset, record in enumerate(await check.deposit(sent))]
    shelf.poison = dict(records[1].headers)[DATAREF].decode()[-64:]
    tries = 1
    while True:
        try:
            fetched = await check.fetch(records)
            break
        except ClaimsUnavailableError:  # a lane starts anew, and asks again
            tries += 1
            assert tries < 10
    assert tries > 2
    assert [record.value for record in fetched[::2]] == [record.value for record in sent[::2]]
    lost = fetched[1]
    assert isinstance(lost, Fetched)
    assert "permission denied" in (lost.lost or "")


async def test_an_unavailable_store_loses_nothing() -> None:
    shelf = Shelf()
    check = claim_check(shelf, above=100)
    record = job(1)
    (sent,) = await check.deposit([Outgoing(record.topic, record.key, record.value, list(record.headers))])
    shelf.away = True
    for _ in range(20):
        with pytest.raises(ClaimsUnavailableError):
            await check.fetch([as_read(sent)])
    shelf.away = False
    (whole,) = await check.fetch([as_read(sent)])
    assert whole.value == record.value


async def test_values_without_a_claim_are_sent_unchanged() -> None:
    check = claim_check(Shelf())
    made = Outgoing("t", b"k", b"no JSON" * 1_000, [("ce_type", b"pointsman.job.completed.v1")])
    assert await check.deposit([made]) == [made]
