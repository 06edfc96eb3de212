"""What a state lane asks of its handler."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pointsman.bus.codec.records import MAX_RECORD_BYTES, Incoming, Outgoing

#: Key, value and headers of one change, bytes; what is left of a record's limit is for the batch around it.
LARGEST_CHANGE = MAX_RECORD_BYTES - 1024 * 1024


class Effects(NamedTuple):
    """What follows: records for any other topic, and changes, which are records for the changelog.

    A change has a key; without a value it deletes the key. The lane gives it its partition.
    """

    records: Sequence[Outgoing] = ()
    changes: Sequence[Outgoing] = ()


class StateHandler(Protocol):
    """Pure. `state`: the latest value of each key, with the changes of all records before; nobody writes it.

    There is a new object whenever the state was read anew, so it may keep decoded values of its own.
    """

    def handle(self, record: Incoming, state: Mapping[bytes, bytes]) -> Effects:
        """What follows from a record of any of the input topics."""

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        """What follows from the time alone. Asked about once a second, and at once again after any answer.

        So it may answer in portions.
        """
