"""The swift way for an ordinary job whose decision is known: from bytes to bytes, without model classes.

Invariants:
- What it makes is, byte for byte, what the careful way makes of the same record (tests compare both); only
  the partition is another, which is no matter for a job without an order key.
- Whatever it is not sure of, it leaves alone; then the careful way answers, and this one learns from it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import orjson

from pointsman.bus.batch_handler import Whole
from pointsman.bus.bundle import Made
from pointsman.bus.ordinary import Ordinary, read_ordinary
from pointsman.bus.record_batch import RecordBatch
from pointsman.bus.records import Incoming, Outgoing
from pointsman.router.agents_file import Registry
from pointsman.router.plans import Plans
from pointsman.router.policy import Policy
from pointsman.router.seen import Seen
from pointsman.runtime.metrics import ROUTED
from pointsman_schemas.decisions import Check, Decision
from pointsman_schemas.envelope import TYPE_PREFIX
from pointsman_schemas.ids import derived_text
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

#: Takes note of what the careful way decided for an ordinary job.
Learn = Callable[[Decision], None]
#: The careful way: what follows from a record. `Learn` is None where there is nothing to be learnt.
Careful = Callable[[Incoming, Learn | None], Sequence[Outgoing]]


class SeenJobs(Protocol):
    """The job ids that a lane has met lately: see `Seen`."""

    def add(self, id: str) -> bool:
        """Remember `id`; False if it was there already."""


class SwiftWay(Protocol):
    """One per lane. `seen` is shared with the careful way, so that a job is known to both."""

    @property
    def seen(self) -> SeenJobs: ...

    def route(
        self, records: Sequence[Incoming], time: bytes, careful: Careful, *, doubt: Check | None
    ) -> list[Made]:
        """Everything that follows from `records`, of one partition; what it leaves alone goes to `careful`.

        `time`: of the envelopes. `doubt`: the rung that says why the score is not asked, None where it is.
        """

    def route_whole(
        self, batches: Sequence[RecordBatch], time: bytes, careful: Careful, *, doubt: Check | None
    ) -> Whole | None:
        """As `route`, for Kafka's own batches; None, before anything is done, where it cannot read them."""


class Read(NamedTuple):
    """An ordinary job with its id: the publisher's, else the one that follows from the record's place."""

    job: Ordinary
    job_id: str


class Swift:
    """See `SwiftWay`; it leaves scored jobs alone."""

    def __init__(
        self, policy: Policy, registry: Registry, topics: Topics, source: str, remembered: int
    ) -> None:
        self._plans = Plans(policy, registry)
        self._max_bytes = policy.limits.max_record_bytes
        self._topics = {tier: topics.tier(tier).name for tier in policy.tiers}
        self._source = source.encode()
        self._type = f"{TYPE_PREFIX}{JobRouted.TYPE}".encode()
        self.seen = Seen(remembered)
        self._counts: Counter[tuple[str, str]] = Counter()

    def route(
        self, records: Sequence[Incoming], time: bytes, careful: Careful, *, doubt: Check | None
    ) -> list[Made]:
        """See `SwiftWay`."""
        made: list[Made] = []
        for record in records:
            read, routed = self._swiftly(record, time)
            if routed is not None:
                made.append(routed)
            else:
                made += careful(record, None if read is None else partial(self._plans.learn, read.job))
        self._count()
        return made

    def route_whole(
        self, batches: Sequence[RecordBatch], time: bytes, careful: Careful, *, doubt: Check | None
    ) -> Whole | None:
        """See `SwiftWay`."""
        return None

    def _swiftly(self, record: Incoming, time: bytes) -> tuple[Read | None, Outgoing | None]:
        try:
            read = self._read(record)
            return read, None if read is None else self._routed(record, read, time)
        except Exception:  # the careful way has the last word on every record
            log_failure(log, record)
            return None, None

    def _read(self, record: Incoming) -> Read | None:
        """The ordinary job in `record`, standing in the lane where it belongs; None for anything else."""
        job = read_ordinary(record, self._max_bytes)
        if job is None:
            return None
        if job.job_id is None:
            return Read(job, derived_text(record.topic, record.partition, record.offset, "job"))
        return Read(job, job.job_id) if record.key == job.job_id.encode() else None

    def _routed(self, record: Incoming, read: Read, time: bytes) -> Outgoing | None:
        """The routed job; None where its decision has to be worked out, or it was met before."""
        job, job_id = read
        plan = self._plans.find(job)
        if plan is None or (job.job_id is not None and not self.seen.add(job_id)):
            return None
        self._counts[plan.tier, plan.rule] += 1
        body = {
            "job_id": job_id,
            "agent_id": job.agent_id,
            "kind": job.kind,
            "tier": job.tier,
            "metadata": job.metadata,
            "deadline": None,
            "order_key": None,
            "request": job.request,
        }
        value = b'{"type":"%b","job":%b,"decision":%b}' % (
            JobRouted.TYPE.encode(), orjson.dumps(body), plan.decision(job.chars)
        )  # fmt: skip
        headers = self._headers(record, read, time)
        return Outgoing(self._topics[plan.tier], job_id.encode(), value, headers, beside=record.partition)

    def _count(self) -> None:
        for (tier, rule), jobs in self._counts.items():
            ROUTED.labels(tier, rule).inc(jobs)
        self._counts.clear()

    def _headers(self, record: Incoming, read: Read, time: bytes) -> list[tuple[str, bytes]]:
        """As `Envelope.to_headers`, for what follows from a record that came without an envelope."""
        place = (record.topic, record.partition, record.offset)
        id = derived_text(*place, "routed").encode()
        job_id = read.job_id.encode()
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", id),
            ("ce_source", self._source),
            ("ce_type", self._type),
            ("ce_time", time),
            ("ce_agentid", read.job.agent_id.encode()),
            ("content-type", b"application/json"),
            ("ce_subject", job_id),
            ("ce_jobid", job_id),
            ("ce_causationid", derived_text(*place, "submitted").encode()),
            ("traceparent", b"00-%b-%b-01" % (job_id.replace(b"-", b""), id[19:].replace(b"-", b""))),
        ]


def log_failure(to: logging.Logger, record: Incoming) -> None:
    """Put the exception that is being handled on the log, with the record's place."""
    topic, partition, offset = record.origin
    to.exception(
        "record could not be handled",
        extra={"fields": {"topic": topic, "partition": partition, "offset": offset}},
    )
