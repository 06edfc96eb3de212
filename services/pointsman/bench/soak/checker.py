"""Compare whole logs with the audit table: all that must hold after any accident.

The rules:
1. Each submitted job has exactly one terminal outcome, and no other job has an outcome.
2. Each job is routed to a tier at most once; none is both routed and refused, unless a person decided so.
3. No message id is on the bus twice: what follows from a record is written once.
4. Every record of every audited topic is in the audit table exactly once: same key, value, headers and time.
5. Each completed job has its successful call on record.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

#: Topic, partition and offset.
Origin = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Logged:
    """A Kafka record as a `read_committed` consumer sees it.

    `digest` covers key, value, headers, origin and time. `answered`: it is a call that brought an answer.
    """

    origin: Origin
    kind: str | None
    message_id: str | None
    job_id: str | None
    digest: bytes | None
    answered: bool = False


@dataclass(frozen=True, slots=True)
class AuditedRecord:
    """A row of the audit table."""

    origin: Origin
    digest: bytes | None


OUTCOMES = {f"job.{name}.v1" for name in ("completed", "failed", "rejected", "expired", "cancelled")}


def check(submitted: Collection[str], logged: Iterable[Logged], stored: Iterable[AuditedRecord]) -> list[str]:
    """Return a sentence for each violation of the rules; empty if all hold."""
    submitted, logged, stored = set(submitted), list(logged), list(stored)
    by_kind: dict[str, Counter[str | None]] = {}
    for record in logged:
        by_kind.setdefault(record.kind or "?", Counter())[record.job_id] += 1
    outcomes: Counter[str | None] = sum((by_kind.get(kind, Counter()) for kind in OUTCOMES), Counter())
    routed = by_kind.get("job.routed.v1", Counter())
    refused = by_kind.get("job.rejected.v1", Counter())
    problems = [f"job {job} has no outcome" for job in submitted if not outcomes[job]]
    problems += [f"job {job} has {count} outcomes" for job, count in outcomes.items() if count > 1]
    problems += [
        f"an outcome of job {job}, which nobody submitted" for job in outcomes if job not in submitted
    ]
    to_tiers = Counter(
        (record.job_id, record.origin[0]) for record in logged if record.kind == "job.routed.v1"
    )
    problems += [f"job {job} was routed {count} times" for (job, _), count in to_tiers.items() if count > 1]
    reviewed = by_kind.get("review.requested.v1", Counter())
    problems += [f"job {job} was routed and refused" for job in routed if refused[job] and not reviewed[job]]
    ids = Counter(record.message_id for record in logged if record.message_id is not None)
    problems += [f"message {id} is on the bus {count} times" for id, count in ids.items() if count > 1]
    answered = {record.job_id for record in logged if record.answered}
    completed = by_kind.get("job.completed.v1", Counter())
    problems += [f"job {job} is completed without a call" for job in completed if job not in answered]
    return problems + _compare(logged, stored)


def up_to(stored: Iterable[AuditedRecord], ends: Mapping[tuple[str, int], int]) -> list[AuditedRecord]:
    """Return the rows before the end offsets of their partitions, and all rows of partitions without one."""
    return [row for row in stored if row.origin[2] < ends.get(row.origin[:2], row.origin[2] + 1)]


def _compare(logged: list[Logged], stored: list[AuditedRecord]) -> list[str]:
    rows = Counter(row.origin for row in stored)
    digests = {row.origin: row.digest for row in stored}
    problems = [f"the audit has {count} rows of {origin}" for origin, count in rows.items() if count > 1]
    problems += [f"{record.origin} is not in the audit" for record in logged if record.origin not in digests]
    problems += [
        f"{record.origin} is another record in the audit"
        for record in logged
        if record.origin in digests and digests[record.origin] != record.digest
    ]
    origins = {record.origin for record in logged}
    problems += [
        f"the audit has {origin}, which Kafka has not" for origin in digests if origin not in origins
    ]
    return problems
