"""Fetches both logs whole, Kafka's and the audit's, and has them compared."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from importlib.resources import files
from uuid import UUID

from pointsman.bench.soak.checker import Logged, Stored, check
from pointsman.bus.follow import follow
from pointsman.bus.records import Incoming
from pointsman.store.asking import asked
from pointsman.store.signing import PublicKey
from pointsman.store.verify import Scope, verify
from pointsman_schemas.topics import Topics

_SQL = files("pointsman.bench.soak")
_WITHIN = timedelta(minutes=10)
_PAUSE_S = 0.5


@dataclass(slots=True)
class Record:
    """What is on Kafka and in the audit, and every problem between and within them, in words.

    `verified` rows were held against their hash chains.
    """

    logged: list[Logged] = field(repr=False)
    rows: int = 0
    verified: int = 0
    problems: list[str] = field(default_factory=list)


async def examine(
    kafka: str,
    postgres: str,
    topics: Topics,
    tiers: Sequence[str],
    submitted: Collection[str],
    *,
    public: PublicKey | None = None,
    catch_up_s: float = 60,
) -> Record:
    """Compare all of it, once the audit has as many rows as Kafka has records or `catch_up_s` have passed.

    Checkpoints are left to verification: one may be written at any time.
    """
    signed = topics.checkpoints.name
    names = [topic.name for topic in topics.all(tiers) if topic.name != signed]
    published: list[bytes] = []
    found = Record([])
    async for record in follow(kafka, [*names, signed], start="beginning", until_end=True):
        if record.topic != signed:
            found.logged.append(logged(record))
        elif record.value:
            published.append(record.value)
    give_up = time.monotonic() + catch_up_s
    while time.monotonic() < give_up:
        if await _count(postgres, signed) >= len(found.logged):
            break
        await asyncio.sleep(_PAUSE_S)
    stored = await _stored(postgres, signed)
    compacted = {topic.name for topic in topics.all(tiers) if topic.compacted}
    there = {each.place for each in found.logged}
    stored = [each for each in stored if each.place in there or each.place[0] not in compacted]
    report = await verify(postgres, Scope(), public=public, published=published)
    found.rows, found.verified = len(stored), report.rows
    found.problems = check(submitted, found.logged, stored)
    found.problems += [f"{each.place}: {each.said}" for each in report.findings]
    return found


def logged(record: Incoming) -> Logged:
    """What the checker knows of a record on Kafka."""
    digest = None if record.value is None else sha256(record.value).digest()
    if record.topic.endswith(".jobs.intake"):  # what a stranger claims there counts for nothing
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


async def _count(postgres: str, without: str) -> int:
    async with asked(postgres, _sql("stored_count"), [without], within=_WITHIN) as answer:
        ((count,),), _ = await answer.first(1)
        return int(count)


async def _stored(postgres: str, without: str) -> list[Stored]:
    async with asked(postgres, _sql("stored"), [without], within=_WITHIN) as answer:
        return [
            Stored((topic, partition, offset), digest)
            async for page in answer.pages()
            for topic, partition, offset, digest in page
        ]


def _sql(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text("utf-8")
