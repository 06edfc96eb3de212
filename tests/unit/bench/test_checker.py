"""The checker itself: it finds every planted bug and passes a correct history."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from pointsman.bench.soak.checker import AuditedRecord, Logged, check, up_to

JOBS = ["a", "b", "c"]


def history() -> list[Logged]:
    kinds = ["job.submitted.v1", "job.routed.v1", "call.finished.v1", "job.completed.v1"]
    return [
        Logged(
            (kind, 0, place),
            kind,
            f"{job}-{kind}",
            job,
            job.encode(),
            answered="call" in kind,
        )
        for place, job in enumerate(JOBS)
        for kind in kinds
    ]


def audit_of(log: list[Logged]) -> list[AuditedRecord]:
    return [AuditedRecord(record.origin, record.digest) for record in log]


def test_a_correct_history_passes() -> None:
    assert check(JOBS, history(), audit_of(history())) == []


def test_later_records_are_ignored_and_invented_ones_are_found() -> None:
    log = history()
    ends = {record.origin[:2]: 3 for record in log}
    later = AuditedRecord((log[0].origin[0], 0, 3), b"later")
    assert check(JOBS, log, up_to([*audit_of(log), later], ends)) == []
    invented = [AuditedRecord((log[0].origin[0], 1, 0), b""), AuditedRecord(("nowhere", 0, 7), b"")]
    assert len(check(JOBS, log, up_to([*audit_of(log), *invented], ends))) == 2


Log: TypeAlias = list[Logged]
Rows: TypeAlias = list[AuditedRecord]


def at(log: Log, kind: str, job: str) -> int:
    return next(n for n, record in enumerate(log) if record.kind == kind and record.job_id == job)


def lost_outcome(log: Log, rows: Rows) -> None:
    del log[at(log, "job.completed.v1", "b")]


def second_outcome(log: Log, rows: Rows) -> None:
    again = log[at(log, "job.completed.v1", "b")]
    log.append(replace(again, origin=("x", 0, 9), message_id="other"))


def two_kinds_of_outcome(log: Log, rows: Rows) -> None:
    again = log[at(log, "job.completed.v1", "b")]
    log.append(replace(again, origin=("x", 0, 9), kind="job.failed.v1", message_id="other"))


def outcome_of_nobody(log: Log, rows: Rows) -> None:
    again = log[at(log, "job.completed.v1", "b")]
    log.append(replace(again, origin=("x", 0, 9), job_id="z", message_id="other"))


def routed_twice(log: Log, rows: Rows) -> None:
    first = log[at(log, "job.routed.v1", "b")]
    again = replace(first, origin=(first.origin[0], 0, 99), message_id="other")
    log.append(again)
    rows.append(AuditedRecord(again.origin, again.digest))


def routed_and_refused(log: Log, rows: Rows) -> None:
    place = at(log, "job.completed.v1", "b")
    log[place] = replace(log[place], kind="job.rejected.v1")


def same_message_twice(log: Log, rows: Rows) -> None:
    again = log[at(log, "call.finished.v1", "b")]
    log.append(replace(again, origin=("x", 0, 9)))


def completed_without_a_call(log: Log, rows: Rows) -> None:
    place = at(log, "call.finished.v1", "b")
    log[place] = replace(log[place], answered=False)


def row_lost(log: Log, rows: Rows) -> None:
    del rows[5]


def row_twice(log: Log, rows: Rows) -> None:
    rows.append(rows[5])


def row_changed(log: Log, rows: Rows) -> None:
    rows[5] = replace(rows[5], digest=b"forged")


def row_invented(log: Log, rows: Rows) -> None:
    rows.append(AuditedRecord(("x", 0, 99), b""))


PLANTED = [
    lost_outcome, second_outcome, two_kinds_of_outcome, outcome_of_nobody, routed_twice, routed_and_refused,
    same_message_twice, completed_without_a_call, row_lost, row_twice, row_changed, row_invented,
]  # fmt: skip


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_each_planted_bug_is_found(plant: Callable[[Log, Rows], None]) -> None:
    log = history()
    rows = audit_of(log)
    plant(log, rows)
    assert check(JOBS, log, rows) != []
