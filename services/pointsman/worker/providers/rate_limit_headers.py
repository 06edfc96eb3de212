"""Reads from rate-limit headers for how long the provider will refuse further calls. Pure.

Two families: `x-ratelimit-remaining-requests` with `x-ratelimit-reset-requests` (OpenAI and compatible),
`anthropic-ratelimit-requests-remaining` with `anthropic-ratelimit-requests-reset`; likewise for tokens.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from pointsman.limits.bounds import LONGEST_PAUSE_S
from pointsman.worker.calls.retry_after import number_in, time_left

#: A longer wait in these headers is ignored; `Retry-After` may still ask for it.
MOST_S = LONGEST_PAUSE_S
#: The longest duration or time that is parsed.
_MOST_CHARACTERS = 64

_PAIRS = (
    *((f"x-ratelimit-remaining-{unit}", f"x-ratelimit-reset-{unit}") for unit in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{unit}-remaining", f"anthropic-ratelimit-{unit}-reset")
        for unit in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
_NUMBER = r"(?<![0-9])[0-9]++(?:\.[0-9]++)?"
_PARTS = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d))+")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def wait_told(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds until the last exhausted limit is reset; None if there is none, or no reset time.

    `headers` must ignore case.
    """
    resets = [headers.get(reset) for remaining, reset in _PAIRS if headers.get(remaining, "").strip() == "0"]
    waits = [wait for reset in resets if reset and (wait := _seconds(reset.strip(), now)) is not None]
    longest = max(waits, default=0.0)
    return longest if 0 < longest <= MOST_S else None


def _seconds(reset: str, now: datetime) -> float | None:
    """Parse `6m0s`, `12.5` (seconds), a Unix time near the present, or an RFC 3339 time."""
    if len(reset) > _MOST_CHARACTERS:
        return None
    if _DURATION.fullmatch(reset):
        return sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(reset))
    if (number := number_in(reset)) is not None:
        return time_left(number, now)
    try:
        at = datetime.fromisoformat(reset)
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
