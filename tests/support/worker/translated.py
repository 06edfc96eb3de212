"""Answers of another provider format, translated whole and streamed."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import strategies as st

from pointsman.worker.calls.answer import Result
from pointsman.worker.providers.streaming.answer_stream import AnswerStream
from pointsman.worker.providers.wire_format import AnswerBody, EventTranslator, WireFormat
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import NO_SECRETS

AT = datetime(2026, 5, 1, tzinfo=UTC)
CREATED = int(AT.timestamp())

#: Arbitrary values in place of those that an adapter expects.
SMALL_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def decoded_by(wire: WireFormat, row: ProviderRow, body: Any) -> Result:
    """The result for a whole body, encoded as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return wire.decode(AnswerBody(row, {}, 200, content, AT, 10_000, NO_SECRETS))


def streamed_by(translator: EventTranslator, events: Iterable[bytes]) -> AnswerStream:
    """The stream after these events, each encoded as on the network."""
    stream = AnswerStream(1_000_000, translator)
    for event in events:
        stream.feed(event)
    return stream


def end_whatever_came(stream: AnswerStream) -> None:
    """Ends without an error, and the result can be stored."""
    stream.finish()
    orjson.dumps(stream.fold.body())


def breaks_off(stream: AnswerStream) -> bool:
    """Whether it is marked as incomplete and has no usage."""
    return not stream.fold.is_whole and "usage" not in stream.fold.body()
