"""Looking up a job by the first or last characters of its id."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pointsman.cli.job_id import CANDIDATES, find, whole
from pointsman.runtime.errors import CommandError
from pointsman_schemas.ids import short_id, uuid7
from tests.unit.cli.show.test_cli_show_story import state

FIRST = UUID("01920000-0000-7000-8000-000000000001")


class OnRecord:
    """The part of the audit database that a lookup needs."""

    def __init__(self, *ids: UUID) -> None:
        self.ids = ids

    async def find_jobs(self, part: str, limit: int) -> list[UUID]:
        digits = part.replace("-", "").lower()
        return [id for id in self.ids if id.hex.startswith(digits) or id.hex.endswith(digits)][:limit]

    async def states(self, ids: list[UUID]) -> list[Any]:
        return [state(job_id=id, submitted_at=datetime(2030, 1, 31, tzinfo=UTC)) for id in ids]


@pytest.mark.parametrize(
    "text", ["0192", "01920000-0000", "01920000-0000-7000-8000-000000000001", "0192000000007"]
)
async def test_one_job_is_found_by_any_beginning(text: str) -> None:
    assert await find(OnRecord(FIRST), text) == FIRST  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["8000-000000000001", "000000000001", "70008000000000000001", "0001"])
async def test_one_job_is_found_by_any_end(text: str) -> None:
    others = [UUID(int=FIRST.int + number) for number in range(1, 64)]
    assert await find(OnRecord(FIRST, *others), text) == FIRST  # type: ignore[arg-type]


async def test_short_ids_of_concurrent_jobs_are_unique() -> None:
    made = [uuid7(datetime(2030, 1, 31, tzinfo=UTC)) for _ in range(64)]
    assert len({str(job_id)[:13] for job_id in made}) == 1
    assert [await find(OnRecord(*made), short_id(job_id)) for job_id in made] == made  # type: ignore[arg-type]


async def test_several_are_listed_so_that_one_can_be_chosen() -> None:
    with pytest.raises(CommandError) as refused:
        await find(OnRecord(FIRST, UUID(int=FIRST.int + 1)), "0192")  # type: ignore[arg-type]
    assert refused.value.code == 2
    assert refused.value.hint.count("billing") == 2
    assert str(FIRST) in refused.value.hint


async def test_the_list_of_matches_is_limited() -> None:
    many = [UUID(int=FIRST.int + n) for n in range(50)]
    with pytest.raises(CommandError) as refused:
        await find(OnRecord(*many), "01")  # type: ignore[arg-type]
    assert refused.value.hint.count("completed") == CANDIDATES
    assert refused.value.hint.endswith("...")


async def test_without_a_match_the_message_mentions_audit_lag() -> None:
    with pytest.raises(CommandError) as refused:
        await find(OnRecord(), "0192")  # type: ignore[arg-type]
    assert refused.value.code == 1
    assert "pointsman lag" in refused.value.hint


@pytest.mark.parametrize("text", ["", "-", "xyz", "0192 ", "0" * 33, "../etc", "%"])
def test_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(CommandError) as refused:
        whole(text)
    assert refused.value.code == 2


def test_a_complete_id_needs_no_lookup() -> None:
    assert whole(str(FIRST)) == whole(FIRST.hex.upper()) == FIRST
    assert whole(str(FIRST)[:-1]) is None
