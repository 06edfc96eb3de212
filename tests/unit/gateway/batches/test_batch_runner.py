"""A batch's lines are submitted once, a few at a time, and end up in one of two files."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from pointsman.bus.errors import KafkaUnavailableError
from pointsman.gateway.asking.model_names import ModelNames
from pointsman.gateway.batches import runner as module
from pointsman.gateway.batches.lines import lines_of
from pointsman.gateway.batches.runner import BatchRunner
from pointsman.gateway.batches.shapes import batch_object
from pointsman.gateway.errors import ApiError, unavailable
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.submitter import JobRequest
from pointsman.runtime.clock import utc_now
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.jobs import ChatMessage, ChatRequest, Job
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, Outcome
from tests.support.gateway.batches import FakeBoard, FakeStore

NOW = utc_now()
FILE_ID, BATCH_ID = f"file-{1:032x}", f"batch_{2:032x}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- nobody tells of it
            await asyncio.sleep(0.01)


class Jobs:
    """Answers jobs unless `hold` is set; `errors`: raised instead, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, UUID]] = []
        self.open: dict[UUID, JobReply] = {}
        self.errors: list[Exception] = []
        self.hold = False
        self.most = 0

    async def submit(self, asked: JobRequest, job_id: UUID) -> JobReply:
        if self.errors:
            raise self.errors.pop(0)
        self.asked.append((str(asked.marks["custom_id"]), job_id))
        request = ChatRequest(messages=[ChatMessage(role="user", content="x")])
        job = Job(job_id=job_id, agent_id=asked.agent_id, request=request)
        reply = JobReply(job, 0, asyncio.get_running_loop().create_future())
        self.open[job_id] = reply
        self.most = max(self.most, len(self.open))
        if not self.hold:
            asyncio.get_running_loop().call_soon(self.end, job_id, completed(job_id))
        return reply

    async def cancel(self, job_id: UUID, agent_id: str, reason: str) -> None:
        self.end(job_id, JobCancelled(
            job_id=job_id, agent_id=agent_id, tier=None, attempts=0, cost_usd=None, cancelled_by=agent_id,
            message=reason,
        ))  # fmt: skip

    def end(self, job_id: UUID, outcome: Outcome) -> None:
        self.open.pop(job_id).end(outcome)


class Reader:
    owned = frozenset((0,))

    def number_of(self, key: bytes) -> int:
        return 0


def completed(job_id: UUID, text: str = "Yes") -> JobCompleted:
    response = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    return JobCompleted(
        job_id=job_id, agent_id="app", tier="small", attempts=1, cost_usd=None, provider="p", model="m",
        usage=None, response=response,
    )  # fmt: skip


class Place:
    def __init__(self, count: int, *, claims_max_bytes: int = 1_000_000, postgres: str = "") -> None:
        self.board, self.store, self.jobs, self.reader = FakeBoard(), FakeStore(), Jobs(), Reader()
        settings = GatewaySettings(prefix="t", claims_max_bytes=claims_max_bytes, postgres=postgres)
        self.runner = BatchRunner(
            settings, self.board, jobs=self.jobs, models=ModelNames(), reader=self.reader,  # type: ignore[arg-type]
            store=self.store, clock=utc_now,  # type: ignore[arg-type]
        )  # fmt: skip
        body = {"model": "auto", "messages": [{"role": "user", "content": "x"}]}
        asked = {"method": "POST", "url": "/v1/chat/completions", "body": body}
        texts = [json.dumps({"custom_id": f"c{number}", **asked}).encode() for number in range(count)]
        self.content = b"\n".join(texts)
        digest = sha256(self.content).hexdigest()
        self.store.values[digest] = self.content
        self.board.fold(FileKept(
            file_id=FILE_ID, agent_id="app", name="a", purpose="batch", bytes=1, sha256=digest, created_at=NOW
        ))  # fmt: skip

    async def begin(self) -> None:
        await self.board.write(BatchSubmitted(
            batch_id=BATCH_ID, agent_id="app", input_file_id=FILE_ID, endpoint="/v1/chat/completions",
            created_at=NOW, expires_at=NOW + timedelta(hours=1),
        ))  # fmt: skip

    async def until_over(self) -> Any:
        await until(lambda: self.board.is_over(BATCH_ID))
        return self.board.states[BATCH_ID]

    def file(self, file_id: str | None) -> list[Any]:
        if file_id is None:
            return []
        return [json.loads(line) for line in self.store.values[self.board.files[file_id].sha256].splitlines()]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_S", 0.01)
    monkeypatch.setattr(module, "_PAUSE_S", 0.01)


async def test_answers_come_in_the_order_of_the_lines_and_a_few_are_under_way() -> None:
    place = Place(100)
    place.jobs.errors = [
        unavailable("away"),
        KafkaUnavailableError("k", 1, "away"),
        ApiError(404, "t", "model_not_found", "no such model"),
    ]
    await place.begin()
    async with place.runner.running():
        state = await place.until_over()
    assert (state.status, state.total, state.completed, state.failed) == ("completed", 100, 99, 1)
    answers, errors = place.file(state.output_file_id), place.file(state.error_file_id)
    assert [line["error"]["code"] for line in errors] == ["model_not_found"]
    numbers = [int(line["custom_id"][1:]) for line in answers]
    assert numbers == sorted(numbers) and len(numbers) == 99
    assert place.jobs.most <= module.WINDOW


async def test_recorded_answers_are_not_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(10, postgres="postgresql://x")
    lines, _ = lines_of(BATCH_ID, place.content, 10_000)

    async def on_record(postgres: str, job_ids: list[UUID]) -> dict[UUID, Outcome]:
        assert job_ids == [line.job_id for line in lines]
        return {job_id: completed(job_id, "Before") for job_id in job_ids[:7]}

    monkeypatch.setattr(module, "outcomes_on_record", on_record)
    await place.begin()
    async with place.runner.running():
        state = await place.until_over()
    assert sorted(custom_id for custom_id, _ in place.jobs.asked) == ["c7", "c8", "c9"]
    assert state.completed == 10 and len(place.file(state.output_file_id)) == 10


async def test_a_cancelled_batch_cancels_what_is_under_way_and_sends_no_more() -> None:
    place = Place(100)
    place.jobs.hold = True
    await place.begin()
    async with place.runner.running():
        await until(lambda: len(place.jobs.open) == module.WINDOW)
        await place.board.write(BatchCancel(batch_id=BATCH_ID, agent_id="app", asked_at=NOW))
        state = await place.until_over()
    assert (state.status, state.failed, state.output_file_id) == ("cancelled", 100, None)
    assert len(place.jobs.asked) == module.WINDOW
    assert {line["error"]["code"] for line in place.file(state.error_file_id)} == {"batch_cancelled"}


async def test_another_process_goes_on_with_the_same_jobs() -> None:
    place = Place(5)
    place.jobs.hold = True
    await place.begin()
    async with place.runner.running():
        await until(lambda: len(place.jobs.open) == 5)
        place.reader.owned = frozenset()  # its partitions are another's now
        await until(lambda: not place.runner._tasks)
        place.jobs.hold, first = False, set(place.jobs.asked)
        place.jobs.asked.clear()
        place.reader.owned = frozenset((0,))
        state = await place.until_over()
    assert set(place.jobs.asked) == first
    assert state.completed == 5


async def test_the_output_file_has_a_bound() -> None:
    place = Place(40, claims_max_bytes=2_000)
    await place.begin()
    async with place.runner.running():
        state = await place.until_over()
    assert 0 < state.completed < 40 and state.completed + state.failed == 40
    assert place.board.files[state.output_file_id].bytes <= 2_000
    assert {line["error"]["code"] for line in place.file(state.error_file_id)} == {"output_too_large"}


async def test_a_batch_with_repeated_internal_errors_fails_with_a_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place(3)
    tries = 0

    def defective(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("ours")

    monkeypatch.setattr(module, "lines_of", defective)
    await place.begin()
    async with place.runner.running():
        state = await place.until_over()
    assert (state.status, tries) == ("failed", 5)
    problems = batch_object(place.board.batches[BATCH_ID], None, state)["errors"]["data"]
    (problem,) = problems
    assert problem["code"] == "internal"
    assert BATCH_ID in problem["message"] and "ours" not in problem["message"]


async def test_a_passing_internal_error_does_not_affect_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    place, tries = Place(3), 0

    def sometimes(*asked: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ValueError("ours")
        return lines_of(*asked)

    monkeypatch.setattr(module, "lines_of", sometimes)
    await place.begin()
    async with place.runner.running():
        state = await place.until_over()
    assert (state.status, state.completed, tries) == ("completed", 3, 3)


async def test_a_batch_whose_file_was_deleted_by_then_fails() -> None:
    place = Place(3)
    file = place.board.files[FILE_ID]
    await place.board.write(file.model_copy(update={"deleted_at": NOW}))
    await place.begin()
    async with place.runner.running():
        state = await place.until_over()
    assert (state.status, state.problems) == ("failed", ("line 1: the file is gone",))


async def test_a_batch_that_another_process_ended_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process was assigned the partitions before it read the batch's end."""
    place = Place(3)
    await place.begin()
    read = asyncio.Event()

    async def caught_up() -> None:
        place.board.fold(BatchChanged(
            batch_id=BATCH_ID, agent_id="app", status="completed", total=3, completed=3, failed=0, at=NOW
        ))  # fmt: skip
        read.set()

    monkeypatch.setattr(place.board, "caught_up", caught_up)
    async with place.runner.running():
        await read.wait()
        await until(lambda: not place.runner._tasks)
    assert place.jobs.asked == []
