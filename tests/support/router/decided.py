"""Routed jobs with their policy and model, as stored in the audit database."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.policy_publisher import records as policy_records
from pointsman.store.append.audit_writer import AuditWriter
from pointsman_schemas.calls import CallFinished, Usage
from pointsman_schemas.envelope import Envelope, envelope_after, first_envelope
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.outcomes import JobCompleted
from tests.support.bus.example_records import example
from tests.support.router.router_lanes import NOW, REGISTRY, TOPICS, incoming
from tests.support.store.audit_store import audit_pool, put

SECOND = timedelta(seconds=1)


def routed(
    file: PolicyFile, text: str, prompts: Sequence[str], *, before: str | None = None, **fields: object
) -> list[Incoming]:
    """The records that a router makes of these prompts by that policy, preceded by the policy and its model.

    `before`: the text of an earlier policy, to be on record too.
    """
    lane = RouterHandler(Policy.compile(file), REGISTRY, TOPICS, lambda: NOW)
    jobs = [
        incoming(json.dumps({"agent_id": "math-tutor", "prompt": prompt, **fields}).encode(), offset=place)
        for place, prompt in enumerate(prompts)
    ]
    made = [] if before is None else list(policy_records(TOPICS, parse(before), before, [], NOW))
    return as_read(
        [*made, *policy_records(TOPICS, file, text, as_read(made), NOW), *lane.handle_records(jobs)]
    )


def called(records: Iterable[Incoming], tokens_in: int, tokens_out: int, cost_usd: str) -> list[Incoming]:
    """A finished call for each routed job among `records`."""
    made = []
    for place, (routed, cause) in enumerate(_routed(records)):
        body = json.loads(example("call.finished.v1").value or b"")
        call = CallFinished.model_validate(
            {
                **body,
                "job_id": routed.job.job_id,
                "tier": routed.decision.tier,
                "cost_usd": cost_usd,
                "usage": {"input_tokens": tokens_in, "output_tokens": tokens_out},
            }
        )
        origin = (TOPICS.calls.name, 0, place)
        cover = envelope_after(cause, origin, step="call:1", source="test", type=call.TYPE, time=NOW + SECOND)
        made.append(emit(TOPICS.calls, str(routed.job.job_id).encode(), cover, call))
    return as_read(made)


def completed(
    records: Iterable[Incoming], answer: Callable[[str, str], str], tokens: tuple[int, int] = (100, 100)
) -> list[Incoming]:
    """An outcome for each routed job, with the answer `answer(tier, prompt)` and an unknown cost."""
    made = []
    for place, (routed, cause) in enumerate(_routed(records)):
        prompt = str(routed.job.request.messages[0].content)
        tier = routed.decision.tier
        outcome = JobCompleted(
            job_id=routed.job.job_id, agent_id=routed.job.agent_id, tier=tier, attempts=1, cost_usd=None,
            provider="p", model="m", usage=Usage(input_tokens=tokens[0], output_tokens=tokens[1]),
            response={"choices": [{"message": {"content": answer(tier, prompt)}, "finish_reason": "stop"}]},
        )  # fmt: skip
        origin = (TOPICS.results.name, 0, place)
        cover = envelope_after(
            cause, origin, step="outcome", source="test", type=outcome.TYPE, time=NOW + 2 * SECOND
        )
        made.append(emit(TOPICS.results, str(routed.job.job_id).encode(), cover, outcome))
    return as_read(made)


def judged(verdicts: Sequence[tuple[UUID, float, str]]) -> list[Incoming]:
    """Feedback records from (job, verdict, judge)."""
    made = []
    for place, (job_id, verdict, by) in enumerate(verdicts):
        feedback = JobFeedback(job_id=job_id, agent_id="math-tutor", by=by, verdict=verdict)
        id = derived_id("judged", 0, place, "said")
        cover = first_envelope(
            id, source=by, type=feedback.TYPE, time=NOW, agent_id="math-tutor", job_id=job_id
        )
        made.append(emit(TOPICS.feedback, str(job_id).encode(), cover, feedback))
    return as_read(made)


def _routed(records: Iterable[Incoming]) -> Iterator[tuple[JobRouted, Envelope]]:
    for record in records:
        read = decode(record)
        assert isinstance(read, Decoded), read
        if isinstance(read.message, JobRouted):
            yield read.message, read.envelope


def as_read(made: Iterable[Made]) -> list[Incoming]:
    """Records as the audit reads them, consecutively in partition 0 of their topic."""
    stamp = int(NOW.timestamp() * 1000)
    return [
        Incoming(record.topic, 0, place, stamp + place, record.key, record.value, tuple(record.headers))
        for place, record in enumerate(made)
    ]


def job_ids(records: Iterable[Incoming]) -> list[UUID]:
    """The jobs that were routed, in order."""
    return [routed.job.job_id for routed, _ in _routed(records)]


async def store(database: str, records: Iterable[Incoming]) -> None:
    """Stores records as the audit service does, in a prepared database."""
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool, clock=lambda: NOW)
        await put(writer, [row_of(record, TOPICS) for record in records])
