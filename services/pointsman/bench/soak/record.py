"""Read Kafka's and the audit's log completely and compare them."""

import asyncio
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from uuid import UUID

from pointsman.bench.soak.checker import AuditedRecord, Logged, check, up_to
from pointsman.bus.codec.records import Incoming
from pointsman.bus.read.follow import Follower
from pointsman.identity.keys import PublicKey
from pointsman.runtime.settings import KafkaPart
from pointsman.store.append.record import record_digest, stored_headers
from pointsman.store.ask.asking import read_only_query
from pointsman.store.verify.verify import Scope, verify
from pointsman_schemas.topics import Topics

_SQL = files("pointsman.bench.soak")
_WITHIN = timedelta(minutes=10)
_PAUSE_S = 0.5


@dataclass(slots=True)
class Record:
    """The contents of Kafka and the audit, and every problem found, in words.

    `verified` is the number of rows checked against their hash chains.
    """

    logged: list[Logged] = field(repr=False)
    rows: int = 0
    verified: int = 0
    problems: list[str] = field(default_factory=list)


async def examine(
    kafka: KafkaPart,
    postgres: str,
    topics: Topics,
    tiers: Sequence[str],
    submitted: Collection[str],
    *,
    public: PublicKey | None = None,
    catch_up_s: float = 60,
) -> Record:
    """Compare everything once the audit has as many rows as Kafka has records, or after `catch_up_s`.

    The comparison ends at the topics' end offsets at its start; later records are ignored on both sides.
    """
    every_topic = re.compile(topics.pattern)  # an agent with a login has a topic for its outcomes
    published: list[bytes] = []
    read_record = Record([])
    async with Follower(kafka, every_topic, start="beginning", until_end=True) as follower:
        while not follower.ended:
            for record in await follower.read():
                read_record.logged.append(logged(record))
                if record.topic == topics.checkpoints.name and record.value:
                    published.append(record.value)
        ends = dict(follower.offsets)
    give_up = time.monotonic() + catch_up_s
    while time.monotonic() < give_up:
        if await _count(postgres, ends) >= len(read_record.logged):
            break
        await asyncio.sleep(_PAUSE_S)
    compacted = {topic.name for topic in topics.all(tiers) if topic.compacted}
    logged_origins = {record.origin for record in read_record.logged}
    stored = [
        row
        for row in up_to(await _stored(postgres), ends)
        if row.origin in logged_origins or row.origin[0] not in compacted
    ]
    report = await verify(postgres, Scope(), public=public, published=published)
    read_record.rows, read_record.verified = len(stored), report.rows
    read_record.problems = check(submitted, read_record.logged, stored)
    read_record.problems += [f"{finding.place}: {finding.said}" for finding in report.findings]
    return read_record


def logged(record: Incoming) -> Logged:
    """Return what the checker needs to know of a Kafka record."""
    digest = record_digest(record.origin, record.timestamp_ms, record.key, record.value, record.headers)
    if record.topic.endswith(".jobs.intake"):  # a publisher's claims do not count
        return Logged(record.origin, "job.submitted.v1", None, None, digest)
    headers = dict(record.headers)
    kind = headers.get("ce_type", b"").decode().removeprefix("pointsman.") or None
    id, job = headers.get("ce_id"), headers.get("ce_jobid")
    return Logged(
        record.origin,
        kind,
        id.decode() if id else None,
        str(UUID(job.decode())) if job else None,
        digest,
        kind == "call.finished.v1" and b'"ok"' in (record.value or b""),
    )


async def _count(postgres: str, ends: Mapping[tuple[str, int], int]) -> int:
    topics, partitions = zip(*ends, strict=True)
    fixed = (list(topics), list(partitions), list(ends.values()))
    async with read_only_query(postgres, _sql("stored_count"), *fixed, within=_WITHIN) as answer:
        ((count,),), _ = await answer.first(1)
        return int(count)


async def _stored(postgres: str) -> list[AuditedRecord]:
    async with read_only_query(postgres, _sql("stored"), within=_WITHIN) as answer:
        return [
            AuditedRecord(
                (topic, partition, offset),
                record_digest((topic, partition, offset), timestamp_ms, key, value, stored_headers(headers)),
            )
            async for page in answer.pages()
            for topic, partition, offset, timestamp_ms, key, value, headers in page
        ]


def _sql(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text("utf-8")
