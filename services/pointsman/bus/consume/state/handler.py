"""The handler of a state lane."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pointsman.bus.codec.records import MAX_RECORD_BYTES, Incoming, Outgoing

#: Key, value and headers of one change, bytes; what is left of a record's limit is for the batch around it.
LARGEST_CHANGE = MAX_RECORD_BYTES - 1024 * 1024


class Effects(NamedTuple):
    """The handler's results: records for other topics, and changes, which are records for the changelog.

    A change has a key; without a value it deletes the key. The lane sets its partition.
    """

    records: Sequence[Outgoing] = ()
    changes: Sequence[Outgoing] = ()


class StateHandler(Protocol):
    """Does no I/O. `state`: the current value of each key, read-only.

    Made anew whenever the state is restored, so it may keep decoded values.
    """

    def handle(self, record: Incoming, state: Mapping[bytes, bytes]) -> Effects:
        """What follows from a record of any of the input topics."""

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        """What follows from the time alone. Asked about once a second, and at once again after any answer.

        So it may answer in portions.
        """
