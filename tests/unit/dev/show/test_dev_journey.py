"""`pointsman dev --once` counts a job as done when it has an outcome and all its records are audited."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pointsman.dev.show.journey import what_is_missing
from pointsman.store.ask.answers import JobState

JOB = UUID(int=7)


def state(name: str, messages: int) -> JobState:
    none: dict[str, Any] = dict.fromkeys(JobState.__dataclass_fields__)
    return JobState(
        **{
            **none,
            "job_id": JOB,
            "submitted_at": datetime(2026, 1, 1, tzinfo=UTC),
            "state": name,
            "messages": messages,
        }
    )


@pytest.mark.parametrize(
    ("name", "messages"),
    [("completed", 4), ("completed", 9), ("failed", 3), ("rejected", 2), ("expired", 2), ("cancelled", 3)],
)
def test_nothing_is_missing(name: str, messages: int) -> None:
    assert what_is_missing([JOB], [state(name, messages)]) == []


@pytest.mark.parametrize("name", ["submitted", "routed", "unreadable"])
def test_a_job_without_an_outcome_is_missing(name: str) -> None:
    assert what_is_missing([JOB], [state(name, 9)]) == [f"job {JOB} has no outcome on record"]


def test_a_job_without_rows_is_missing() -> None:
    assert what_is_missing([JOB], []) == [f"job {JOB} has no outcome on record"]


def test_a_completed_job_without_all_of_its_rows_is_missing() -> None:
    assert what_is_missing([JOB], [state("completed", 3)]) == [f"job {JOB} has only 3 messages on record"]


def test_a_job_that_waits_for_a_person_is_not_missing() -> None:
    assert what_is_missing([JOB], [state("called", 5)], [JOB]) == []


def test_a_case_without_all_of_its_rows_is_missing() -> None:
    assert what_is_missing([JOB], [state("routed", 2)], [JOB]) == [f"job {JOB} has only 2 messages on record"]
    assert what_is_missing([JOB], [], [JOB]) == [f"job {JOB} has no outcome on record"]
