"""Where a joining process starts reading: at the last snapshot (`LimitStanding`), else the first record."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.limits.bounds import UnusableError
from pointsman.limits.ledger import Ledger
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import LimitStanding

#: A standing state is written about every so many records.
STANDING_EVERY = 1_000
#: Where its author is gone, another may write it so many records later, and so on.
STANDING_AGAIN = 50


#: Offset, broker time in milliseconds since 1970, message.
Entry = tuple[int, int, Message]


@dataclass(frozen=True, slots=True)
class Joined:
    """`as_of`: the offset of the last snapshot; `left_out`: records that were skipped."""

    ledger: Ledger
    as_of: int
    left_out: tuple[str, ...] = ()


def join(entries: Sequence[Entry], *, whole: bool) -> Joined | None:
    """The state after `entries`.

    None when they hold no standing state and are not the `whole` log: read further back.
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
    """Whether the author of the record at `offset` should write the standing state after it."""
    over = offset - as_of - STANDING_EVERY
    return over >= 0 and over % STANDING_AGAIN == 0
