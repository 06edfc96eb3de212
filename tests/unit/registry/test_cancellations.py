"""Cancellations are remembered for a time, up to a number, and reach running jobs."""

from datetime import datetime, timedelta

import pytest

from pointsman.registry import cancellations as cancellations_module
from pointsman.registry.cancellations import Cancellations
from tests.support.worker.routed_jobs import NOW, job_id


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_the_first_to_ask_is_remembered() -> None:
    cancellations = Cancellations(Clock())
    cancellations.cancel(job_id(1), by="on-call", reason="wrong customer")
    cancellations.cancel(job_id(1), by="someone-else")
    asked = cancellations.of(job_id(1), "a")
    assert asked is not None
    assert (asked.by, asked.reason, asked.at) == ("on-call", "wrong customer", NOW)
    assert cancellations.of(job_id(2), "a") is None


def test_a_day_later_it_is_forgotten() -> None:
    clock = Clock()
    cancellations = Cancellations(clock)
    cancellations.cancel(job_id(1), by="on-call")
    clock.now += timedelta(hours=23)
    cancellations.cancel(job_id(2), by="on-call")
    assert cancellations.of(job_id(1), "a") is not None
    clock.now += timedelta(hours=1)
    assert cancellations.of(job_id(1), "a") is None
    assert cancellations.of(job_id(2), "a") is not None
    cancellations.cancel(job_id(3), by="on-call")
    assert len(cancellations) == 2


def test_the_oldest_are_deleted_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellations_module, "MAX_REMEMBERED", 3)
    cancellations = Cancellations(Clock())
    for number in range(1, 6):
        cancellations.cancel(job_id(number), by="on-call")
    assert len(cancellations) == 3
    assert [n for n in range(1, 6) if cancellations.of(job_id(n), "a")] == [3, 4, 5]


def test_the_running_job_is_notified() -> None:
    cancellations, notified = Cancellations(Clock()), []
    with cancellations.listening(job_id(1), "a", lambda: notified.append(1)):
        cancellations.cancel(job_id(2), by="on-call")
        assert notified == []
        cancellations.cancel(job_id(1), by="on-call")
        assert notified == [1]
    cancellations.cancel(job_id(1), by="on-call")
    assert notified == [1]


def test_a_repeat_of_a_job_keeps_listening_when_the_other_ends() -> None:
    cancellations, notified = Cancellations(Clock()), []
    first = cancellations.listening(job_id(1), "a", lambda: notified.append("first"))
    second = cancellations.listening(job_id(1), "a", lambda: notified.append("second"))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    cancellations.cancel(job_id(1), by="on-call")
    assert notified == ["second"]
    second.__exit__(None, None, None)


def test_an_identified_agent_can_cancel_only_its_own_jobs() -> None:
    cancellations, notified = Cancellations(Clock()), []
    with cancellations.listening(job_id(1), "owner", lambda: notified.append(1)):
        cancellations.cancel(job_id(1), by="thief", own=True)
        assert notified == []
        assert cancellations.of(job_id(1), "owner") is None
        cancellations.cancel(job_id(1), by="owner", reason="enough", own=True)
        assert notified == [1]
    asked = cancellations.of(job_id(1), "owner")
    assert asked is not None
    assert (asked.by, asked.reason) == ("owner", "enough")
