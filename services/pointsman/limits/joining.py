"""Where a process that joins begins: at the last standing state on the log, else at its first record."""

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


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log; `at` is its broker time, milliseconds since 1970."""

    offset: int
    at: int
    message: Message


@dataclass(frozen=True, slots=True)
class Joined:
    """`as_of`: the offset that the last standing state stands for; `left_out`: what cannot be folded."""

    ledger: Ledger
    as_of: int
    left_out: tuple[str, ...] = ()


def join(entries: Sequence[Entry], *, whole: bool) -> Joined | None:
    """The state after `entries`.

    None when they hold no standing state and are not the `whole` log: read further back.
    """
    if not entries:
        return Joined(Ledger(), 0) if whole else None
    first = entries[0].offset
    left_out: list[str] = []
    for entry in reversed(entries):
        message = entry.message
        if isinstance(message, LimitStanding) and first <= message.as_of <= entry.offset:
            try:
                ledger, as_of = Ledger(message.state), message.as_of
                break
            except UnusableError as error:
                left_out.append(f"{error} at offset {entry.offset}")
    else:
        if not whole:
            return None
        ledger, as_of = Ledger(), first
    for entry in entries:
        if entry.offset >= as_of:
            try:
                ledger.fold(entry.message, entry.at)
            except UnusableError as error:
                left_out.append(f"{error} at offset {entry.offset}")
    return Joined(ledger, as_of, tuple(left_out))


def is_due(offset: int, as_of: int) -> bool:
    """Whether the author of the record at `offset` should write the standing state after it."""
    over = offset - as_of - STANDING_EVERY
    return over >= 0 and over % STANDING_AGAIN == 0
