"""Submit jobs, print the accepted ones, and wait for their outcomes."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

from pointsman.bus.errors import BusError, KafkaUnavailableError
from pointsman.cli.show.outcome import answer_lines, outcome_line
from pointsman.client.batch_lines import result_line
from pointsman.client.client import Client
from pointsman.identity.keys import PrivateKey
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import KafkaPart
from pointsman.runtime.terminal import screen
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import JobCompleted, Outcome

#: Jobs per batch; ids are printed after each batch.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Sending:
    """Where to send jobs and what to print.

    `timeout_s` is the time limit for connecting, and again for the outcomes once the last job is published.

    `custom_ids`, by job, are those of jobs from a batch file.
    """

    kafka: KafkaPart
    wait: bool
    timeout_s: float | None
    as_json: bool
    key: PrivateKey | None = None
    custom_ids: Mapping[UUID, str] = field(default_factory=dict)


async def send(jobs: Sequence[Job], sending: Sending) -> bool:
    """Publish `jobs`; with `wait`, wait for each outcome. Returns whether all of them completed.

    Raises:
        CommandError: a job could not be published, or had no outcome in time.
        BusError: Kafka cannot be reached.
    """
    async with AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(sending.timeout_s):
                client = await opened.enter_async_context(Client(kafka=sending.kafka, key=sending.key))
        except TimeoutError:
            seconds = sending.timeout_s or 0
            raise KafkaUnavailableError(sending.kafka.kafka, seconds, "nothing was published") from None
        with screen.progress(len(jobs), "published") as advance:
            for first in range(0, len(jobs), CHUNK):
                chunk = jobs[first : first + CHUNK]
                await _publish(client, chunk, first, len(jobs))
                if not sending.wait:
                    for job in chunk:
                        accepted = {"job_id": job.job_id, "agent_id": job.agent_id}
                        screen.report(accepted, str(job.job_id), as_json=sending.as_json, stream=True)
                advance(len(chunk))
        return await _await(client, jobs, sending) if sending.wait else True


async def _publish(client: Client, chunk: Sequence[Job], before: int, total: int) -> None:
    try:
        await client.publish_many(chunk)
    except BusError as error:
        if not before:
            raise
        problem = f"{error}; the first {before:,} of {total:,} jobs are published"
        raise CommandError(problem, error.hint) from error


async def _await(client: Client, jobs: Sequence[Job], sending: Sending) -> bool:
    """Print outcomes as they arrive. Returns whether all jobs completed."""
    open_ids = {job.job_id for job in jobs}
    completed = 0
    try:
        with screen.progress(len(jobs), "done") as advance:
            async with asyncio.timeout(sending.timeout_s):
                async for outcome in client.outcomes(list(open_ids)):
                    open_ids.discard(outcome.job_id)
                    completed += isinstance(outcome, JobCompleted)
                    _print_outcome(outcome, sending, alone=len(jobs) == 1)
                    advance(1)
    except TimeoutError:
        raise CommandError(
            f"{len(open_ids):,} of {len(jobs):,} jobs had no outcome within {sending.timeout_s:g} s",
            f"the work goes on; follow it: pointsman trace {min(open_ids)}",
        ) from None
    if len(jobs) > 1 and screen.on_terminal():
        screen.note(f"{completed:,} of {len(jobs):,} completed")
    return completed == len(jobs)


def _print_outcome(outcome: Outcome, sending: Sending, *, alone: bool) -> None:
    custom_id = sending.custom_ids.get(outcome.job_id)
    if custom_id is not None:
        screen.print_json(result_line(custom_id, outcome), stream=True)
        return
    if sending.as_json or not screen.on_terminal():
        screen.print_json(outcome, stream=True)
        return
    screen.show(outcome_line(outcome, 0 if alone else screen.console().width))
    if alone:
        screen.show(answer_lines(outcome))
