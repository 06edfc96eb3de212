"""Where a joining process starts to read: at the last snapshot (`LimitStanding`), or the first record."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.limits.bounds import UnusableError
from pointsman.limits.ledger import Ledger
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import LimitStanding

#: Records between two snapshots.
STANDING_EVERY = 1_000
#: If a snapshot is overdue, the author of every so many further records writes one.
STANDING_AGAIN = 50


#: Offset, broker time in milliseconds since 1970, message.
Entry = tuple[int, int, Message]


@dataclass(frozen=True, slots=True)
class Joined:
    """The joined state. `as_of`: first offset not in the last snapshot; `left_out`: skipped records."""

    ledger: Ledger
    as_of: int
    left_out: tuple[str, ...] = ()


def join(entries: Sequence[Entry], *, whole: bool) -> Joined | None:
    """Return the state after `entries`.

    None if they have no snapshot and are not the `whole` log: read further back.
    """
    if not entries:
        return Joined(Ledger(), 0) if whole else None
    first = entries[0][0]
    left_out: list[str] = []
    for offset, _, message in reversed(entries):
        if isinstance(message, LimitStanding) and first <= message.as_of <= offset:
            try:
                ledger, as_of = Ledger(message.state), message.as_of
                break
            except UnusableError as error:
                left_out.append(f"{error} at offset {offset}")
    else:
        if not whole:
            return None
        ledger, as_of = Ledger(), first
    for offset, at, message in entries:
        if offset >= as_of:
            try:
                ledger.fold(message, at)
            except UnusableError as error:
                left_out.append(f"{error} at offset {offset}")
    return Joined(ledger, as_of, tuple(left_out))


def is_due(offset: int, as_of: int) -> bool:
    """Return whether the author of the record at `offset` should write a snapshot after it."""
    over = offset - as_of - STANDING_EVERY
    return over >= 0 and over % STANDING_AGAIN == 0
