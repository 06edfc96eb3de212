"""The bitmap in the commit metadata is lossless and never larger than the broker accepts."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.produce.bitmap import MAX_SPAN, decode_metadata, encode_metadata

#: The broker's default `offset.metadata.max.bytes`.
BROKER_LIMIT = 4_096


@given(st.integers(0, 2**40), st.sets(st.integers(0, MAX_SPAN - 1), max_size=200))
def test_round_trip(committed: int, places: set[int]) -> None:
    finished = {committed + place for place in places}
    assert decode_metadata(committed, encode_metadata(committed, finished)) == finished


def test_the_worst_case_fits_the_broker() -> None:
    noise = random.Random(7)
    finished = [place for place in range(MAX_SPAN) if noise.random() < 0.5] + [MAX_SPAN - 1]
    assert len(encode_metadata(0, finished).encode()) <= BROKER_LIMIT


def test_an_offset_out_of_span_is_a_bug() -> None:
    with pytest.raises(ValueError, match="not within"):
        encode_metadata(10, [9])
    with pytest.raises(ValueError, match="not within"):
        encode_metadata(0, [MAX_SPAN])


def test_foreign_metadata_is_ignored() -> None:
    assert decode_metadata(5, "somebody else's note") == frozenset()
    assert decode_metadata(5, "") == frozenset()
