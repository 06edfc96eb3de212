"""Reading a streamed answer: what is passed on, when it ends, and what stops it."""

from typing import Any

import orjson
import pytest

from pointsman.worker.providers.streaming import answer_stream
from pointsman.worker.providers.streaming.answer_stream import AnswerStream

BEGIN = {"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "fo"}}]}
REST = {"id": "c", "choices": [{"index": 0, "delta": {"content": "ur"}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"


def data(*events: Any) -> bytes:
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)


def test_events_are_passed_on_as_they_came_and_add_up() -> None:
    stream = AnswerStream(1000)
    assert stream.feed(data(BEGIN)) == [BEGIN]
    assert stream.feed(b": ping\n\nevent: ping\ndata: {}\n\ndata:\n\n") == []
    assert stream.feed(data(REST)) == [REST]
    assert not stream.is_over
    assert stream.feed(DONE + data(BEGIN)) == []
    assert stream.is_over
    assert stream.fold.is_whole
    assert stream.fold.body()["choices"][0]["message"] == {"role": "assistant", "content": "four"}


def test_the_last_event_counts_without_what_ends_it() -> None:
    stream = AnswerStream(1000)
    assert stream.feed(data(BEGIN, REST)[:-2]) == [BEGIN]
    assert stream.finish() == [REST]
    assert stream.fold.is_whole


@pytest.mark.parametrize(
    "stopping",
    [
        b"data: {broken\n\n",
        b"data: [1]\n\n",
        b'data: "x"\n\n',
        data({"error": "no"}),
        b"event: error\ndata: {}\n\n",
    ],
)
def test_it_stops_at_invalid_events(stopping: bytes) -> None:
    stream = AnswerStream(1000)
    assert stream.feed(data(BEGIN) + stopping + data(REST)) == [BEGIN]
    assert stream.is_over
    assert stream.stopped_by is not None
    assert stream.stopped_by in stopping
    assert stream.finish() == []


def test_values_that_no_record_can_hold_are_replaced() -> None:
    stream = AnswerStream(1000)
    (event,) = stream.feed(b'data: {"choices": [{"delta": {"content": "\\ud83d a\\u0000", "n": NaN}}]}\n\n')
    assert event == {"choices": [{"delta": {"content": "� a�", "n": None}}]}


def test_a_body_that_is_too_large_ends_it() -> None:
    stream, sent = AnswerStream(10_000), 0
    while not stream.is_over:
        stream.feed(data(TALK))
        sent += 1
    assert stream.is_too_large
    assert 150 < sent < 220


TALK = {"id": "c" * 500, "model": "m" * 500, "choices": [{"index": 0, "delta": {"content": "x" * 50}}]}


def test_an_event_that_is_too_large_ends_it() -> None:
    stream = AnswerStream(100)
    assert stream.feed(b"data: " + b"x" * 200) == []
    assert (stream.is_over, stream.is_too_large) == (True, True)


@pytest.mark.parametrize("bound", ["_MOST_EVENTS", "_MOST_BYTES"])
def test_number_and_bytes_of_events_are_bounded(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(answer_stream, bound, 5 if bound == "_MOST_EVENTS" else 500)
    stream = AnswerStream(1_000_000)
    for _ in range(20):
        if not stream.is_over:
            stream.feed(data(BEGIN))
    assert stream.is_too_large


def test_the_beginning_is_kept_until_there_is_an_answer_and_within_a_bound() -> None:
    stream = AnswerStream(10_000_000)
    for _ in range(200):
        stream.feed(b": " + b"x" * 1000 + b"\n")
    assert len(stream.beginning) == 64 * 1024
