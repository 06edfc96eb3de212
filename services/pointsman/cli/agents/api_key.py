"""Text about a new API key, and its expiry as people write it."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import typer

from pointsman.identity.api_key import ApiKeyText

_LONGEST_DAYS = 3_650


def api_key_lines(key: ApiKeyText, agent: str | None, expires: date | None) -> Iterator[str]:
    """Yield what to paste into agents.yaml, and the command that follows."""
    entry_name = "the agent's entry" if agent is None else f"the entry of {agent}"
    yield f"for {entry_name} in agents.yaml, beside the keys that it has; then: pointsman agents apply"
    last = "" if expires is None else f", expires: {expires}"
    yield "    api_keys:"
    yield f"      - {{id: {key.id}, sha256: {key.sha256}{last}}}"


def expiry(text: str, today: date) -> date:
    """Return the day that `2026-05-01`, `90` or `90d` stands for, counted from `today`.

    Raises:
        typer.BadParameter: the text is no date or number of days, or the day is not in the future.
    """
    if days := re.fullmatch(r"(\d{1,4})d?", text.strip()):
        if not 1 <= int(days[1]) <= _LONGEST_DAYS:
            raise typer.BadParameter(f"--expires takes 1 to {_LONGEST_DAYS} days")
        return today + timedelta(days=int(days[1]))
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"--expires {text!r} is no day such as 2026-05-01, nor days such as 90"
        ) from None
    if day <= today:
        raise typer.BadParameter(f"--expires {day} is over: the key would never be good")
    return day
