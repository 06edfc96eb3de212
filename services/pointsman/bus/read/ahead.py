"""A job's position in its tier's lanes: how many unfinished jobs are before it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from aiokafka.errors import KafkaError

from pointsman.bus import connection
from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.lag import Span
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.partition import Partition, Start
from pointsman.bus.produce.bitmap import decode_metadata
from pointsman.bus.read.follow import Follower
from pointsman.bus.tcp_check import PATIENCE_S
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics

#: At most so many records before a job are counted; beyond that offsets give an upper bound.
COUNTED = 20_000


@dataclass(frozen=True, slots=True)
class Ahead:
    """`before`: unfinished jobs before it in its lane; an upper bound unless `exact`.

    `ended`: the job has its outcome or went to another tier; `before` is then 0.
    """

    tier: str
    ended: bool = False
    before: int = 0
    exact: bool = True


@dataclass(slots=True)
class _Found:
    """The job's last record on a tier, whether its outcome exists, and the ends of all topics."""

    place: Partition | None = None
    offset: int = 0
    at_ms: int = -1
    ended: bool = False
    ends: dict[Partition, int] = field(default_factory=dict)


async def ahead(settings: KafkaPart, topics: Topics, job_id: UUID, start: Start) -> Ahead | None:
    """Return the place in the queue of a job that was submitted at `start` or later; None if no tier has it.

    Raises:
        KafkaUnavailableError, BusError: the topics could not be read.
    """
    ahead_of = await _find(settings, topics, job_id, start)
    if ahead_of.place is None:
        return None
    place, offset = ahead_of.place, ahead_of.offset
    tier = place[0].removeprefix(topics.tier("").name)
    committed, metadata = await _committed(settings, f"{topics.prefix}.worker.{tier}", place)
    done = decode_metadata(committed, metadata)
    if ahead_of.ended or offset < committed or offset in done:
        return Ahead(tier, ended=True)
    span = Span(committed, offset, done)
    if offset - committed <= COUNTED:
        await _look(settings, place, {**ahead_of.ends, place: committed}, span)
    return Ahead(tier, before=span.waiting, exact=span.exact)


async def _find(settings: KafkaPart, topics: Topics, job_id: UUID, start: Start) -> _Found:
    tiers = re.escape(topics.tier("").name)
    encoded_id, search = str(job_id).encode(), _Found()
    pattern = re.compile(f"^{tiers}|{topics.outcomes_pattern}")
    async with Follower(settings, pattern, start=start, until_end=True) as follower:
        async for record in follower:
            if dict(record.headers).get("ce_jobid") != encoded_id:
                continue
            if not record.topic.startswith(topics.tier("").name):
                search.ended = True
            elif record.timestamp_ms >= search.at_ms:
                search.place, search.offset = (record.topic, record.partition), record.offset
                search.at_ms = record.timestamp_ms
        search.ends = dict(follower.offsets)
    return search


async def _committed(settings: KafkaPart, group: str, place: Partition) -> tuple[int, str]:
    try:
        async with connection.connected_admin(settings, PATIENCE_S) as admin:
            return (await committed_offsets(admin, group, [place], within=PATIENCE_S)).get(place, (0, ""))
    except KafkaError as error:
        raise KafkaUnavailableError(settings.kafka, PATIENCE_S, str(error)) from error


async def _look(settings: KafkaPart, place: Partition, starts: Mapping[Partition, int], span: Span) -> None:
    """Show the span its records, as transaction markers take offsets too."""
    async with Follower(settings, [place[0]], start=starts, until_end=True) as follower:
        while not follower.ended and follower.offsets.get(place, 0) <= span.end:
            for record in await follower.read():
                if (record.topic, record.partition) == place:
                    span.see(record.offset, record.timestamp_ms)
    span.finish()
