"""Pages of a list: the limit is a bounded number."""

import pytest

from pointsman.gateway.errors import ApiError
from pointsman.gateway.routes.opened import page_of
from pointsman_schemas.base import Json

OBJECTS: list[Json] = [{"id": f"file-{number}"} for number in range(5)]


@pytest.mark.parametrize("limit", ["0", "11", "-1", "", "two", "²", "00000000119999", "9" * 5_000])
def test_an_invalid_limit_is_refused(limit: str) -> None:
    with pytest.raises(ApiError, match="limit must be 1 to 10"):
        page_of(OBJECTS, limit=limit, most=10, after="")


def test_a_page_begins_after_the_given_id() -> None:
    page = page_of(OBJECTS, limit="2", most=10, after="file-1")
    assert [listed["id"] for listed in page["data"]] == ["file-2", "file-3"]
    assert page["has_more"]
