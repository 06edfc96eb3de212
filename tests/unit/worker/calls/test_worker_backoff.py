"""The wait before a retry: jittered, bounded, at least what the provider asks, before the deadline."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from statistics import mean
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.worker.calls.backoff import GiveUp, Pace, next_pause_s
from pointsman.worker.calls.retry_after import asked_wait, parse_retry_after

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PACE = Pace(attempts=6, first_wait_s=1, max_wait_s=4, max_retry_after_s=100)


def waits(attempt: int, after: float | None = None) -> list[float]:
    pauses = [
        next_pause_s(PACE, UUID(int=job), attempt, after=after, remaining_s=None) for job in range(2000)
    ]
    assert all(isinstance(wait, float) for wait in pauses)
    return [float(wait) for wait in pauses if not isinstance(wait, GiveUp)]


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 4)])
def test_waits_double_up_to_a_cap_and_fill_the_whole_range(attempt: int, longest: float) -> None:
    pauses = waits(attempt)
    assert 0 <= min(pauses) < 0.01 * longest
    assert 0.99 * longest < max(pauses) < longest
    assert mean(pauses) == pytest.approx(longest / 2, rel=0.05)


def test_what_the_provider_asks_for_is_a_floor_with_the_jitter_on_top() -> None:
    pauses = waits(2, after=30)
    assert min(pauses) >= 30 and max(pauses) < 32
    assert len(set(pauses)) > 1900  # those who were refused together do not return together


def test_the_same_job_and_attempt_wait_the_same() -> None:
    def wait(job: int, attempt: int) -> float | GiveUp:
        return next_pause_s(PACE, UUID(int=job), attempt, after=None, remaining_s=None)

    assert wait(7, 1) == wait(7, 1)
    assert len({wait(7, 1), wait(8, 1), wait(7, 2)}) == 3


def test_attempts_end() -> None:
    assert next_pause_s(PACE, UUID(int=1), 5, after=None, remaining_s=None) is not GiveUp.ATTEMPTS
    assert next_pause_s(PACE, UUID(int=1), 6, after=None, remaining_s=None) is GiveUp.ATTEMPTS
    assert next_pause_s(Pace(attempts=1), UUID(int=1), 1, after=None, remaining_s=None) is GiveUp.ATTEMPTS


def test_a_provider_that_asks_for_too_long_a_wait_is_given_up() -> None:
    assert next_pause_s(PACE, UUID(int=1), 1, after=100, remaining_s=None) is not GiveUp.RETRY_AFTER
    assert next_pause_s(PACE, UUID(int=1), 1, after=100.1, remaining_s=None) is GiveUp.RETRY_AFTER


@settings(deadline=None)  # a busy machine is no failure
@given(
    job=st.uuids(),
    attempt=st.integers(1, 25),
    after=st.none() | st.floats(0, 200),
    left=st.none() | st.floats(-10, 200),
)
def test_no_wait_is_shorter_than_asked_nor_reaches_the_deadline(
    job: UUID, attempt: int, after: float | None, left: float | None
) -> None:
    wait = next_pause_s(PACE, job, attempt, after=after, remaining_s=left)
    if isinstance(wait, GiveUp):
        assert left is not None or attempt >= PACE.attempts or (after or 0) > PACE.max_retry_after_s
    else:
        assert (after or 0) <= wait < (after or 0) + PACE.max_wait_s
        assert left is None or wait < left


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("7", 7),
        (" 2.5 ", 2.5),
        ("-3", 0),
        ("nan", None),
        ("inf", None),
        ("Infinity", None),
        ("1_000", None),
        ("١٢", None),
        ("3600", 3600),
        ("3601", 3600),
        ("86400", 3600),
        ("1e306", 3600),
        ("1e400", 3600),
        ("-1e400", 0),
        ("1e-320", 1e-320),
        ("9" * 400, 3600),
        ("9" * 5_000, 3600),
        ("0" * 5_000, 0),
        ("1777636830", 30),  # Unix times: seconds, milliseconds, microseconds
        ("1777636830000", 30),
        ("1777636830000000", 30),
        ("1777636700", 0),
        ("1777700000", 3600),
        ("1795855000", 3600),
        ("1600000000", 3600),
        ("253402300799", 3600),
        ("soon", None),
        ("", None),
        ("Fri, 01 May 2026 12:00:30 GMT", 30),
        ("Fri, 01 May 2026 12:00:30 -0000", 30),
        ("Friday, 01-May-26 12:00:30 GMT", 30),
        ("Fri, 01 May 2026 14:00:30 +0200", 30),
        ("Fri, 01 May 2026 11:00:00 GMT", 0),
        ("Fri, 32 May 2026 11:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Friday, 01-May-68 12:00:30 GMT", 3600),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Sun Nov  6 08:49:37 1994", 0),
        ("Fri, 01 May 99999999999999999999 12:00:30 GMT", None),
        ("Fri, 01 May 2026 12:00:30 +99999999999999999999", None),
        ("Fri, 01 May 2026 12:00:30 GMT" + " " * 5_000, None),
        (" ", None),
        (",", None),
        ("99999-01-01", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(-(10**8), 10**9), st.integers(-12, 12))
def test_any_http_date_is_understood_in_any_zone(seconds: int, hours: int) -> None:
    now = NOW.astimezone(timezone(timedelta(hours=hours)))
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert parse_retry_after(date, now) == min(max(0, seconds), 3600)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(max_size=40))
def test_no_header_breaks_it(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "0.5"}, 0.0005),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after-ms": "", "retry-after": "2"}, 2),
        ({"retry-after-ms": "nan", "retry-after": "2"}, 2),
        ({"retry-after-ms": "-5"}, 0),
        ({"retry-after-ms": "1e306"}, 3600),
        ({"retry-after-ms": "9" * 400}, 3600),
        ({"retry-after-ms": "1777636830000"}, 30),
        ({"retry-after": "7"}, 7),
        ({}, None),
    ],
)
def test_milliseconds_come_before_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers, NOW) == (None if seconds is None else pytest.approx(seconds))
