"""How deep JSON may be nested in a record: exactly as deep as the limit."""

import pytest

from pointsman.bus.codec.json import MAX_DEPTH, parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman_schemas.reasons import Reason


def nested(levels: int) -> bytes:
    """An object of so many levels; it has one bracket more, as with few brackets nothing is measured."""
    return b'{"b":[],"a":' + b'{"a":' * (levels - 1) + b"1" + b"}" * levels


def test_the_deepest_object_that_is_accepted() -> None:
    assert parse_object(nested(MAX_DEPTH))


def test_one_level_more_is_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        parse_object(nested(MAX_DEPTH + 1))
    assert refused.value.reason is Reason.TOO_DEEP
