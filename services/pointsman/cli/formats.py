"""Format times, money and untrusted text for people."""

import re
from datetime import UTC, datetime
from decimal import Decimal

# Control characters: untrusted text must not move the cursor, ring the bell or change writing direction.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def printable(text: str) -> str:
    """Return `text` in one line, without control characters."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def block(text: str) -> str:
    """Return `text` with its lines and spaces, without other control characters."""
    return "\n".join(_CONTROLS.sub(" ", line.expandtabs(4)) for line in text.split("\n"))


def gist(text: str, width: int = 60) -> str:
    """Return the start of `text`, at most `width` characters, cut at a word boundary if one is near."""
    line = printable(text[: width * 8])
    if len(line) <= width:
        return line
    cut = line[: width - 1]
    word = cut.rsplit(" ", 1)[0]
    return (word if len(word) > width * 2 // 3 else cut).rstrip() + "…"


def duration(seconds: float) -> str:
    """Format seconds: `4 ms`, `2.34 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole_s = round(seconds)
    for unit, name, part, small in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole_s >= unit:
            remainder = whole_s % unit // part
            return f"{whole_s // unit} {name}" + (f" {remainder} {small}" if remainder else "")
    return f"{whole_s} s"


def money(usd: Decimal | None) -> str:
    """Format US dollars with their significant digits. None is `cost unknown`, not `$0.00`."""
    if usd is None:
        return "cost unknown"
    if usd == 0 or abs(usd) >= 1:
        return f"${usd:,.2f}"
    digits = max(2, 1 - usd.adjusted())  # two digits that are not zero
    return f"${usd:.{digits}f}"


def count(number: int, thing: str) -> str:
    """Format a number with its noun: `1 call`, `3 calls`, `1,204 jobs`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def clock(time: datetime) -> str:
    """Format the local time of day, to the millisecond."""
    return time.astimezone().strftime("%H:%M:%S.%f")[:-3]


def moment(time: datetime) -> str:
    """Format date and time in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
