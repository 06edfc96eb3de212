"""The interface of a state lane's handler."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pointsman.bus.codec.records import MAX_RECORD_BYTES, Incoming, Outgoing

#: The largest change in bytes of key, value and headers; leaves room for the batch within a record's limit.
LARGEST_CHANGE = MAX_RECORD_BYTES - 1024 * 1024


class Effects(NamedTuple):
    """A handler's results: records for other topics, and changes, which are records for the changelog.

    A change has a key; without a value it deletes the key. The lane sets its partition.
    """

    records: Sequence[Outgoing] = ()
    changes: Sequence[Outgoing] = ()


class StateHandler(Protocol):
    """Does no I/O. `state`: the current value of each key, read-only.

    A new one is created whenever the state is restored, so it may cache decoded values.
    """

    def handle(self, record: Incoming, state: Mapping[bytes, bytes]) -> Effects:
        """Return the effects of a record of any input topic."""

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        """Return the effects of the time alone.

        Called about once a second, and again at once after any effect. So it may return them in portions.
        """
