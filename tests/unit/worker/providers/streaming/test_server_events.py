"""Server-sent events are parsed the same however they are split, within limits."""

import pytest

from pointsman.worker.providers.streaming.server_events import EventReader, EventTooLargeError, ServerEvent

STREAM = (
    b"\xef\xbb\xbf: a comment\n\ndata: one\n\n"
    b"event: error\r\ndata:two\r\ndata:  lines\r\n\r\n"
    b"id: 7\rdata: three\r\rretry: 10\n\n"
    b"data\n\n: ping\r\n\r\ndata: \xc3\xa9\xf0\x9f\x98\x80\r\n\n"
    b"event: alone\n\ndata: last"
)
EVENTS = [
    ServerEvent(b"", b"one"),
    ServerEvent(b"error", b"two\n lines"),
    ServerEvent(b"", b"three"),
    ServerEvent(b"", b""),
    ServerEvent(b"", "é😀".encode()),
    ServerEvent(b"", b"last"),
]


def read(*pieces: bytes, most: int = 1000) -> list[ServerEvent]:
    reader = EventReader(most)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.finish()


def test_all_that_a_line_can_be_is_understood() -> None:
    assert read(STREAM) == EVENTS


@pytest.mark.parametrize("at", range(len(STREAM) + 1))
def test_cut_anywhere_the_events_are_the_same(at: int) -> None:
    assert read(STREAM[:at], b"", STREAM[at:]) == EVENTS


def test_byte_by_byte_the_events_are_the_same() -> None:
    assert read(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == EVENTS


def test_an_event_comes_as_soon_as_it_is_whole() -> None:
    reader = EventReader(1000)
    assert reader.feed(b"data: one\r\n\r") == [ServerEvent(b"", b"one")]
    assert reader.feed(b"\n") == []
    assert reader.feed(b"data: two\n\ndata: th") == [ServerEvent(b"", b"two")]


def test_a_name_is_that_of_its_event_alone() -> None:
    assert read(b"event: error\n\ndata: fine\n\n") == [ServerEvent(b"", b"fine")]


@pytest.mark.parametrize(
    "stream", [b"data: " + b"x" * 200, b"data: 1\n" * 200, b"data:\n" * 200, b"data: " + b"x" * 200 + b"\n\n"]
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_an_event_is_bounded(stream: bytes, step: int) -> None:
    with pytest.raises(EventTooLargeError):
        read(*(stream[at : at + step] for at in range(0, len(stream), step)), most=100)


def test_a_line_without_an_end_is_not_kept_beyond_the_bound() -> None:
    reader = EventReader(100)
    for _ in range(100):
        assert reader.feed(b"x") == []
    with pytest.raises(EventTooLargeError):
        reader.feed(b"x")


def test_the_bound_is_that_of_one_event() -> None:
    assert len(read(b"data: " + b"x" * 90 + b"\n\n", most=100)) == 1
    assert len(read(*[b"data: " + b"x" * 90 + b"\n\n"] * 50, most=100)) == 50
