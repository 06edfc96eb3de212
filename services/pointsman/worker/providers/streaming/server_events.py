"""Parses server-sent events from bytes in arbitrary pieces. Pure.

Invariants:
- The events do not depend on how the bytes are split.
- Only the current event is buffered, up to a limit; the work is linear in the bytes.
"""

from dataclasses import dataclass

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventTooLargeError(ValueError):
    """One event exceeds the size limit."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """`name`: empty if the event has none; `data`: its lines, joined by line feeds."""

    name: bytes
    data: bytes


class EventReader:
    """Feed it bytes; returns the complete events. Lines may end with LF, CR LF or CR, even mixed."""

    def __init__(self, most: int) -> None:
        """`most`: bytes of one event."""
        self._most = most
        self._line = bytearray()
        self._ends_with_cr = self._begun = False
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Return the events that are complete now. Raises EventTooLargeError."""
        if self._ends_with_cr and data[:1] == b"\n":
            data = data[1:]
            self._ends_with_cr = False
        if not data:
            return []
        self._ends_with_cr = data[-1:] == b"\r"
        lines = data.splitlines()
        unfinished = b"" if data[-1:] in (b"\r", b"\n") else lines.pop()
        events = []
        for line in lines:
            self._line += line
            if (event := self._end_line()) is not None:
                events.append(event)
        self._line += unfinished
        if self._size + len(self._line) > self._most:
            raise EventTooLargeError
        return events

    def finish(self) -> list[ServerEvent]:
        """End the input; return the last event, even if its final blank line is missing."""
        events = [self._end_line(), self._end_event()] if self._line else [self._end_event()]
        return [event for event in events if event is not None]

    def _end_line(self) -> ServerEvent | None:
        line = bytes(self._line)
        self._line.clear()
        if not self._begun:
            self._begun = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._end_event()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._most:
                raise EventTooLargeError
        elif name == b"event":
            self._name = value
        return None  # ignored: comments, and `id` and `retry`, which serve reconnection

    def _end_event(self) -> ServerEvent | None:
        event = ServerEvent(self._name, b"\n".join(self._data)) if self._data else None
        self._name = b""
        self._data.clear()
        self._size = 0
        return event
