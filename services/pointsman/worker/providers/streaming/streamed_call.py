"""One streamed call: passes chunks on as they arrive, and returns one result at the end."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import orjson

from pointsman.worker.calls.answer import Answer, Reject, Result, Retry
from pointsman.worker.calls.chunks import CallChunks
from pointsman.worker.providers.response import (
    MAX_RAW_BYTES,
    not_finished,
    not_readable,
    not_whole,
    read_answer,
)
from pointsman.worker.providers.streaming.answer_stream import AnswerStream
from pointsman.worker.providers.transport import Reply
from pointsman.worker.providers.usage import usage_of
from pointsman.worker.providers.wire_format import AnswerBody, WireFormat
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json


class StreamedCall:
    """`chunks`: gets the chunks. `most`: the largest answer in bytes. `at`: when the call began."""

    def __init__(
        self,
        row: ProviderRow,
        chunks: CallChunks,
        most: int,
        wire: WireFormat,
        secrets: Secrets,
        *,
        request: Json,
        at: datetime,
    ) -> None:
        self._row = row
        self._request = request
        self._chunks = chunks
        self._most = most
        self._wire = wire
        self._secrets = secrets
        self._at = at
        self._answer = AnswerStream(most, wire.translator(at))

    @property
    def is_whole(self) -> bool:
        """Whether the answer is complete, whatever has become of the connection."""
        return self._answer.fold.is_whole and self._answer.stopped_by is None

    @property
    def size(self) -> int:
        """The approximate size of the answer in bytes."""
        return self._answer.fold.size

    def taking(self, limit: asyncio.Timeout) -> Callable[[bytes], bool]:
        """Return a function that takes bytes and returns whether to go on; each call moves `limit`."""
        loop = asyncio.get_running_loop()
        latest = limit.when() or float("inf")

        def take(data: bytes) -> bool:
            if not limit.expired():
                limit.reschedule(min(latest, loop.time() + self._row.stream_idle_s))
            self._chunks.add(self._answer.feed(data), len(data))
            return not self._answer.is_over

        return take

    def end(self) -> None:
        """Pass the last chunks on after the end of the stream."""
        self._chunks.add(self._answer.finish(), 0)
        self._chunks.flush()

    def cut_off(self) -> Reply:
        """Return the reply for a connection that broke off after the answer was complete."""
        self._answer.is_over = True
        return Reply(200, {}, b"", streamed=True)

    def break_off(self) -> None:
        """Keep the partial answer for the call's record after the call was cancelled."""
        self._chunks.flush()
        self._chunks.partial = self._secrets.hide_json(self._answer.fold.body()) or None

    def failed(self, failure: Retry | Reject) -> Retry | Reject:
        """Return the failure with the partial answer, which was paid for and may have been read."""
        self._chunks.flush()
        fold = self._answer.fold
        if not fold.is_begun:
            return failure
        body = self._secrets.hide_json(fold.body())
        return replace(failure, response=body, usage=usage_of(body), unbilled=False)

    def result(self, reply: Reply) -> Result:
        """Return the result of the stream."""
        row, status, answer = self._row, reply.status, self._answer
        if reply.unreadable is not None:
            beginning = bytes(answer.beginning)
            return self._or_failed(not_readable(row, status, beginning, reply.unreadable, self._secrets))
        if answer.is_too_large:
            return not_whole(row, status, bytes(answer.beginning), self._most, self._secrets)
        if answer.stopped_by is not None:
            return self._or_failed(self._decode(status, answer.stopped_by))
        body = answer.fold.body()
        if not body:  # no events: some providers send one body as `text/event-stream`
            return self._decode(status, bytes(answer.beginning))
        if answer.fold.is_begun and not answer.fold.is_whole:
            return self.failed(not_finished(row, status))
        content = orjson.dumps(body)
        if len(content) > self._most:
            return not_whole(row, status, content, self._most, self._secrets)
        return read_answer(self._body(status, content))

    def _or_failed(self, result: Result) -> Result:
        return result if isinstance(result, Answer) else self.failed(result)

    def _decode(self, status: int, content: bytes) -> Result:
        return self._wire.decode(self._body(status, content))

    def _body(self, status: int, content: bytes) -> AnswerBody:
        return AnswerBody(self._row, self._request, status, content, self._at, MAX_RAW_BYTES, self._secrets)
