"""Where the client starts to look for an outcome, from the time in the job's id."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.client.look_back import earliest
from pointsman_schemas.ids import uuid7

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)


def test_it_starts_shortly_before_the_oldest_job() -> None:
    made = [uuid7(NOW), uuid7(NOW - timedelta(hours=1))]
    assert earliest(made, NOW) == NOW - timedelta(hours=1, minutes=5)


@pytest.mark.parametrize(
    "odd",
    [
        UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"),  # the year 10889, which no date can hold
        uuid7(datetime(9999, 1, 1, tzinfo=UTC)),
        uuid7(NOW + timedelta(hours=1)),
        UUID("00000000-0000-7000-8000-000000000000"),
        uuid4(),
    ],
)
def test_an_id_without_a_time_is_looked_for_everywhere(odd: UUID) -> None:
    assert earliest([uuid7(NOW), odd], NOW) == "beginning"


@given(st.uuids())
def test_every_id_can_be_looked_for(job_id: UUID) -> None:
    start = earliest([job_id], NOW)
    assert start == "beginning" or (
        isinstance(start, datetime) and start > datetime(1969, 12, 31, tzinfo=UTC)
    )
