"""Parse how far back to look: `90m`, `24h`, `7d`, or a time such as `2026-03-01T08:00Z`."""

import re
from datetime import UTC, datetime, timedelta

import typer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def since(text: str, now: datetime) -> datetime:
    """Return the time that `text` stands for, relative to `now`. A time without a zone is UTC.

    Raises:
        typer.BadParameter: the text is neither a duration nor a time.
    """
    if span := re.fullmatch(r"(\d{1,6})([smhdw])", text.strip()):
        return now - timedelta(seconds=int(span[1]) * _SECONDS[span[2]])
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no span such as 90m, 24h or 7d, nor a time such as 2026-03-01T08:00Z"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
