"""The topic name used in derived ids, from the metadata of a group's positions."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.admin.topic_seed import TopicMark, mark, mark_of, unmark
from pointsman.bus.produce.bitmap import MAX_SPAN, decode_metadata, encode_metadata

HERE, BEFORE = UUID(int=1), UUID(int=2)
BY_ID, BY_NAME = TopicMark(HERE, False), TopicMark(HERE, True)
#: The broker's default limit of a position's metadata, bytes.
BROKER_LIMIT = 4_096


@given(
    topic=st.uuids(), by_name=st.booleans(), offset=st.integers(0, 2**62), ahead=st.integers(0, MAX_SPAN - 1)
)
def test_a_mark_is_read_back_and_leaves_the_rest_as_it_is(
    topic: UUID, by_name: bool, offset: int, ahead: int
) -> None:
    made, rest = TopicMark(topic, by_name), encode_metadata(offset, [offset + ahead])
    marked = mark(rest, made)
    assert unmark(marked) == (made, rest)
    assert decode_metadata(offset, marked) == {offset + ahead}


def test_a_mark_and_the_largest_bitmap_fit_the_broker_s_limit() -> None:
    noise = [offset for offset in range(MAX_SPAN) if (offset * 2_654_435_761) >> 7 & 1]
    assert len(mark(encode_metadata(0, noise), BY_NAME)) <= BROKER_LIMIT


@pytest.mark.parametrize(
    "metadata", ["", "done1:abc", "somebody's note", "topic1:no id:name;rest", "topic1:"]
)
def test_metadata_without_a_topic_id_is_not_a_mark(metadata: str) -> None:
    assert unmark(metadata)[0] is None


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], BY_ID),
        ([None], BY_NAME),
        ([BY_NAME], BY_NAME),
        ([BY_NAME, None], BY_NAME),
        ([BY_ID], BY_ID),
        ([BY_ID, None], BY_ID),
        ([TopicMark(BEFORE, True)], BY_ID),
        ([TopicMark(BEFORE, False)], BY_ID),
        ([TopicMark(BEFORE, True), BY_NAME], BY_NAME),
    ],
    ids=str,
)
def test_a_topic_is_identified_by_name_only_if_an_older_version_read_it(
    marks: list[TopicMark | None], expected: TopicMark
) -> None:
    """Lost metadata, for example after a group reset, must not change ids that use the topic id."""
    assert mark_of(HERE, [mark("done1:x", topic_mark) for topic_mark in marks]) == expected


def test_topics_with_the_same_name_have_different_seeds() -> None:
    assert BY_NAME.seed("t") == "t"
    assert len({TopicMark(topic, False).seed("t") for topic in (HERE, BEFORE)} | {"t"}) == 3
