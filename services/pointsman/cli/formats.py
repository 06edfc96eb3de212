"""Times, money and foreign text as a person reads them."""

import re
from datetime import UTC, datetime
from decimal import Decimal

# What moves the cursor, rings the bell, or turns the direction of writing: a prompt must not do that here.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def printable(text: str) -> str:
    """`text` in one line, without anything that a terminal would obey."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def block(text: str) -> str:
    """`text` with its lines and blanks, without anything that a terminal would obey."""
    return "\n".join(_CONTROLS.sub(" ", line.expandtabs(4)) for line in text.split("\n"))


def gist(text: str, width: int = 60) -> str:
    """The beginning of `text`, at most `width` characters, cut at a word where one ends nearby."""
    line = printable(text[: width * 8])
    if len(line) <= width:
        return line
    cut = line[: width - 1]
    word = cut.rsplit(" ", 1)[0]
    return (word if len(word) > width * 2 // 3 else cut).rstrip() + "…"


def duration(seconds: float) -> str:
    """`4 ms`, `2.34 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, part, small in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= unit:
            rest = whole % unit // part
            return f"{whole // unit} {name}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def money(usd: Decimal | None) -> str:
    """US dollars with the digits that matter; `cost unknown` is not `$0.00`."""
    if usd is None:
        return "cost unknown"
    if usd == 0 or abs(usd) >= 1:
        return f"${usd:,.2f}"
    digits = max(2, 1 - usd.adjusted())  # two digits that are not zero
    return f"${usd:.{digits}f}"


def count(number: int, thing: str) -> str:
    """`1 call`, `3 calls`, `1,204 jobs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def clock(time: datetime) -> str:
    """The time of day here, to the millisecond."""
    return time.astimezone().strftime("%H:%M:%S.%f")[:-3]


def moment(time: datetime) -> str:
    """Date and time in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
