"""Runs batches: each in the process to which its id hashes, or, if that dies, in the next.

Invariants:
- A line's job has the same id in every process, so two processes on one batch make no job twice.
- Jobs with an outcome in the audit are not sent again; jobs in flight are, and the router refuses them.
- A batch ends only once its files are in the store, except one that keeps failing by a defect.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal
from uuid import UUID, uuid5

import orjson

from pointsman.bus.errors import BusError, KafkaUnavailableError, PublishRefusedError
from pointsman.bus.read.partition_reader import PartitionReader
from pointsman.claims.store import ClaimStore, ClaimsUnavailableError
from pointsman.client.batch_lines import error_line, result_line
from pointsman.gateway.asking.job import DEADLINE
from pointsman.gateway.asking.model_names import ModelNames
from pointsman.gateway.batches.board import BatchBoard
from pointsman.gateway.batches.lines import BatchLine, lines_of
from pointsman.gateway.errors import ApiError, api_error
from pointsman.gateway.job_lookup import outcomes_on_record
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.submitter import JobRequest, JobSubmitter
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman.store.errors import StoreError
from pointsman_schemas.control.batches import BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.outcomes import JobCompleted, Outcome

log = logging.getLogger(__name__)

#: Jobs in flight per batch (more would delay everyone else's jobs), and batches that a process runs at once.
WINDOW, _AT_ONCE = 32, 4
#: After so many internal errors in one process a batch fails.
_MOST_DEFECTS = 5
_LOOK_S, _PAUSE_S, _TELL_S, _LATE_S, _CANCEL_S = 0.5, 1.0, 5.0, 5.0, 10.0
_ROUTE = "/v1/batches"
_FILES = UUID("3b7a0f52-6f2e-5f43-9f7e-5f2d1c6e8a90")


@dataclass(slots=True)
class _Progress:
    """The results of one batch: for each job whether it is an answer, and its line in a result file.

    `room`: bytes left for the files; a result that does not fit is replaced by a short error.
    """

    batch: BatchSubmitted
    lines: list[BatchLine]
    room: int
    done: dict[UUID, tuple[bool, bytes]] = field(default_factory=dict)
    expired: bool = False

    def took(self, line: BatchLine, outcome: Outcome) -> None:
        result = result_line(line.custom_id, outcome)
        self.expired = self.expired or (result["error"] or {}).get("code") == "batch_expired"
        text = orjson.dumps(result)
        if len(text) > self.room:
            self.failed(
                line, "output_too_large", "the output file has no room for it; the job has its answer"
            )
            return
        self.room -= len(text) + 1
        self.done[line.job_id] = (isinstance(outcome, JobCompleted), text)

    def failed(self, line: BatchLine, code: str, message: str) -> None:
        self.done[line.job_id] = (False, orjson.dumps(error_line(line.job_id, line.custom_id, code, message)))

    @property
    def completed(self) -> int:
        return sum(answered for answered, _ in self.done.values())

    def file(self, *, answers: bool) -> bytes:
        """The lines of the output file, or of the error file, in the order of the batch."""
        results = [self.done[line.job_id] for line in self.lines if line.job_id in self.done]
        return b"".join(text + b"\n" for answered, text in results if answered is answers)


class BatchRunner:
    """Runs this process's batches. `store`: keeps the files; None: batches are off."""

    def __init__(
        self,
        settings: GatewaySettings,
        board: BatchBoard,
        *,
        jobs: JobSubmitter,
        models: ModelNames,
        reader: PartitionReader,
        store: ClaimStore | None,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._board = board
        self._jobs = jobs
        self._models = models
        self._reader = reader
        self._store = store
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._defects: Counter[str] = Counter()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run batches while inside."""
        task = asyncio.create_task(self._look(), name="batches to do")
        try:
            yield
        finally:
            tasks = [task, *self._tasks.values()]
            for running_task in tasks:
                running_task.cancel()
            await asyncio.wait(tasks)

    async def _look(self) -> None:
        while True:
            for batch_id, batch in list(self._board.batches.items()) if self._store is not None else ():
                task = self._tasks.get(batch_id)
                if self._board.is_over(batch_id) or not self._is_ours(batch_id):
                    if task is not None:
                        task.cancel()
                        del self._tasks[batch_id]
                elif task is None or task.done():
                    self._tasks[batch_id] = asyncio.create_task(self._work(batch), name=batch_id)
            await asyncio.sleep(_LOOK_S)

    def _is_ours(self, batch_id: str) -> bool:
        try:
            return self._reader.number_of(batch_id.encode()) in self._reader.owned
        except KafkaUnavailableError:
            return False

    async def _work(self, batch: BatchSubmitted) -> None:
        """Run a batch to its end. If a dependency is unavailable, wait; `_look` starts it again."""
        try:
            async with self._turns:
                await self._board.caught_up()
                if not self._board.is_over(batch.batch_id):
                    await self._answer(batch)
        except (BusError, StoreError, ClaimsUnavailableError):
            await asyncio.sleep(_PAUSE_S)
        except Exception as error:  # an internal error must not stop other batches
            failure(log, Event.REQUEST_FAILED, error, batch=batch.batch_id)
            self._defects[batch.batch_id] += 1
            await self._after_defect(batch)

    async def _after_defect(self, batch: BatchSubmitted) -> None:
        """Wait, longer each time; after too many internal errors, fail the batch."""
        defects = self._defects[batch.batch_id]
        if defects < _MOST_DEFECTS:
            await asyncio.sleep(_PAUSE_S * 2**defects)
            return
        problem = f"a defect in the gateway, {defects} times; its log has the traceback of {batch.batch_id}"
        state = self._board.states.get(batch.batch_id)
        failed = self._changed(_Progress(batch, [], 0), "failed", (problem,))
        counted = {} if state is None else state.model_dump(include={"total", "completed", "failed"})
        with contextlib.suppress(BusError):  # then the batch is tried once more, and failed again
            await self._board.write(failed.model_copy(update=counted))

    async def _answer(self, batch: BatchSubmitted) -> None:
        assert self._store is not None, "no batch is taken without one"
        file = self._board.file(batch.input_file_id)  # another process may have deleted it
        content = None if file is None else await self._store.get(file.sha256)
        if content is None:
            await self._end(_Progress(batch, [], 0), "failed", ("line 1: the file is gone",))
            return
        most = self._settings.gateway_max_bytes
        lines, problems = await asyncio.to_thread(lines_of, batch.batch_id, content, most)
        progress = _Progress(batch, lines, self._settings.claims_max_bytes)
        if problems:
            await self._end(progress, "failed", tuple(problems))
            return
        await self._from_record(progress)
        await self._board.write(self._changed(progress, "in_progress"))
        open_lines = iter([line for line in lines if line.job_id not in progress.done])
        async with asyncio.TaskGroup() as group:
            teller = group.create_task(self._keep_telling(progress))
            workers = [group.create_task(self._send(progress, open_lines)) for _ in range(WINDOW)]
            await asyncio.wait(workers)
            teller.cancel()
        cancelled = batch.batch_id in self._board.cancels
        await self._end(
            progress, "cancelled" if cancelled else "expired" if progress.expired else "completed"
        )

    async def _from_record(self, progress: _Progress) -> None:
        """Take over outcomes that the audit has: another process may have run part of the batch."""
        if not self._settings.postgres:
            return
        outcomes = await outcomes_on_record(self._settings.postgres, [line.job_id for line in progress.lines])
        for line in progress.lines:
            if (outcome := outcomes.get(line.job_id)) is not None:
                progress.took(line, outcome)

    async def _send(self, progress: _Progress, lines: Iterator[BatchLine]) -> None:
        for line in lines:
            try:
                await self._line(progress, line)
            except (ApiError, BusError, ClaimsUnavailableError) as error:
                refusal = error if isinstance(error, ApiError) else api_error(error)
                progress.failed(line, refusal.code, refusal.message)

    async def _line(self, progress: _Progress, line: BatchLine) -> None:
        """Run one line until it has a result.

        Raises:
            ApiError: the line is no valid job.
        """
        batch = progress.batch
        left_s = (batch.expires_at - self._clock()).total_seconds()
        while batch.batch_id not in self._board.cancels:
            if left_s <= 0:
                progress.expired = True
                progress.failed(line, "batch_expired", "the batch expired before this request was sent")
                return
            try:
                request = line.request
                tier = self._models.tier(request.get("model"))
                headers = {DEADLINE: f"{left_s:.3f}"}
                marks = {"custom_id": line.custom_id, "batch_id": batch.batch_id}
                job_request = JobRequest(
                    batch.agent_id, tier, request, _ROUTE, line.text, headers, marks=marks
                )
                reply = await self._jobs.submit(job_request, line.job_id)
            except PublishRefusedError:
                raise
            except (ApiError, BusError, ClaimsUnavailableError) as error:
                if isinstance(error, ApiError) and error.status not in (429, 503):
                    raise
                await asyncio.sleep(_PAUSE_S)
                left_s = (batch.expires_at - self._clock()).total_seconds()
                continue
            with reply.awaited():
                await self._until_ended(batch.batch_id, reply.outcome, line, left_s)
            if reply.outcome.done():
                progress.took(line, reply.outcome.result())
                return
            left_s = 0.0
        progress.failed(line, "batch_cancelled", "the batch was cancelled before this request was sent")

    async def _until_ended(
        self, batch_id: str, outcome: "asyncio.Future[Outcome]", line: BatchLine, left_s: float
    ) -> None:
        late_at, cancel_at = time.monotonic() + left_s + _LATE_S, 0.0
        while not outcome.done() and time.monotonic() < late_at:
            if batch_id in self._board.cancels and time.monotonic() >= cancel_at:
                cancel_at = time.monotonic() + _CANCEL_S
                agent_id = self._board.batches[batch_id].agent_id
                with contextlib.suppress(BusError):
                    await self._jobs.cancel(line.job_id, agent_id, "its batch was cancelled")
            await asyncio.wait([outcome], timeout=_PAUSE_S)

    async def _keep_telling(self, progress: _Progress) -> None:
        published = len(progress.done)
        while True:
            await asyncio.sleep(_TELL_S)
            if len(progress.done) != published:
                published = len(progress.done)
                with contextlib.suppress(BusError):
                    await self._board.write(self._changed(progress, "in_progress"))

    async def _end(
        self,
        progress: _Progress,
        status: Literal["completed", "failed", "expired", "cancelled"],
        problems: tuple[str, ...] = (),
    ) -> None:
        files = [await self._keep(progress, answers=answers) for answers in (True, False)]
        output, errors = files
        changed = self._changed(progress, status, problems).model_copy(
            update={
                "output_file_id": None if output is None else output.file_id,
                "error_file_id": None if errors is None else errors.file_id,
            }
        )
        await self._board.write(*(file for file in files if file is not None), changed)

    async def _keep(self, progress: _Progress, *, answers: bool) -> FileKept | None:
        """Store a result file and return it; None if it has no lines."""
        content = progress.file(answers=answers)
        if not content:
            return None
        assert self._store is not None
        digest = sha256(content).hexdigest()
        await self._store.put(digest, content)
        kind, batch = "output" if answers else "error", progress.batch
        return FileKept(
            file_id=f"file-{uuid5(_FILES, f'{batch.batch_id}/{kind}').hex}",
            agent_id=batch.agent_id,
            name=f"{batch.batch_id}_{kind}.jsonl",
            purpose="batch_output",
            bytes=len(content),
            sha256=digest,
            created_at=self._clock(),
        )

    def _changed(
        self,
        progress: _Progress,
        status: Literal["in_progress", "completed", "failed", "expired", "cancelled"],
        problems: tuple[str, ...] = (),
    ) -> BatchChanged:
        completed = progress.completed
        return BatchChanged(
            batch_id=progress.batch.batch_id,
            agent_id=progress.batch.agent_id,
            status=status,
            total=len(progress.lines),
            completed=completed,
            failed=len(progress.done) - completed,
            problems=problems,
            at=self._clock(),
        )
