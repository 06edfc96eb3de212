"""Routed jobs with what they were decided by, as the audit database holds them."""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from pointsman.audit.rows import row_of
from pointsman.bus.decode import Decoded, decode
from pointsman.bus.emit import emit
from pointsman.bus.records import Incoming, Outgoing
from pointsman.router.handlers import RouterHandler
from pointsman.router.on_record import records as policy_records
from pointsman.router.policy import Policy
from pointsman.router.policy_file import PolicyFile
from pointsman.store.audit_writer import AuditWriter
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.envelope import follow_with
from pointsman_schemas.jobs import JobRouted
from tests.support.audit_store import audit_pool, put
from tests.support.example_records import example
from tests.support.router_lanes import NOW, REGISTRY, TOPICS, incoming

SECOND = timedelta(seconds=1)


def routed(file: PolicyFile, text: str, prompts: Sequence[str], **fields: object) -> list[Incoming]:
    """What a router makes of these prompts, by that policy; the policy and its model come first."""
    lane = RouterHandler(Policy.compile(file), REGISTRY, TOPICS, lambda: NOW)
    jobs = [
        incoming(json.dumps({"agent_id": "math-tutor", "prompt": prompt, **fields}).encode(), offset=place)
        for place, prompt in enumerate(prompts)
    ]
    return as_read([*policy_records(TOPICS, file, text, [], NOW), *lane(jobs)])


def called(records: Iterable[Incoming], tokens_in: int, tokens_out: int, cost_usd: str) -> list[Incoming]:
    """A finished call for each routed job among `records`."""
    made = []
    for place, record in enumerate(records):
        read = decode(record)
        assert isinstance(read, Decoded), read
        if not isinstance(read.message, JobRouted):
            continue
        body = json.loads(example("call.finished.v1").value or b"")
        call = CallFinished.model_validate(
            {
                **body,
                "job_id": read.message.job.job_id,
                "tier": read.message.decision.tier,
                "cost_usd": cost_usd,
                "usage": {"input_tokens": tokens_in, "output_tokens": tokens_out},
            }
        )
        origin = (TOPICS.calls.name, 0, place)
        cover = follow_with(
            read.envelope,
            origin,
            step="call:1",
            source="test",
            type=call.TYPE,
            time=NOW + SECOND,
        )
        made.append(emit(TOPICS.calls, record.key, cover, call))
    return as_read(made)


def as_read(made: Iterable[Outgoing]) -> list[Incoming]:
    """Records as the audit reads them, one behind the other in partition 0 of their topic."""
    stamp = int(NOW.timestamp() * 1000)
    return [
        Incoming(each.topic, 0, place, stamp + place, each.key, each.value, tuple(each.headers))
        for place, each in enumerate(made)
    ]


def job_ids(records: Iterable[Incoming]) -> list[UUID]:
    """The jobs that were routed, in order."""
    read = [decode(record) for record in records]
    return [
        each.message.job.job_id
        for each in read
        if isinstance(each, Decoded) and isinstance(each.message, JobRouted)
    ]


async def store(database: str, records: Iterable[Incoming]) -> None:
    """Into a database that has everything, as the audit process writes them."""
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool, clock=lambda: NOW)
        await put(writer, [row_of(record, TOPICS) for record in records])
