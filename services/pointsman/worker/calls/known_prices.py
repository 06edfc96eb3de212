"""A provider's prices, taken out of the data of `genai-prices`: which model a name is, and what it costs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman_schemas.calls import Usage

_READ, _WRITTEN, _WRITTEN_1H = "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"
_CALLS = "requests_kcount"
#: The day of a model as gateways write it; in the data it has dashes.
_DAY = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")

#: Dollars for a million tokens, or a thousand calls, from more than so many input tokens on; the most first.
Steps = tuple[tuple[int, Decimal], ...]
#: By what is counted: `input_mtok`, `output_mtok` and others.
Rates = Mapping[str, Steps]


@dataclass(frozen=True, slots=True)
class Clause:
    """What a name is like: `kind` as the data have it, `text` in lower case; `parts` of `or` and `and`."""

    kind: str
    text: str = ""
    parts: "tuple[Clause, ...]" = ()

    def matches(self, name: str) -> bool:
        """`name`: in lower case."""
        match self.kind:
            case "equals":
                return name == self.text
            case "starts_with":
                return name.startswith(self.text)
            case "ends_with":
                return name.endswith(self.text)
            case "contains":
                return self.text in name
            case "regex":
                return re.search(self.text, name) is not None
            case "or":
                return any(part.matches(name) for part in self.parts)
            case "and":
                return all(part.matches(name) for part in self.parts)
        raise ValueError(f"genai-prices has names that are like {self.kind!r}")


@dataclass(frozen=True, slots=True)
class Period:
    """When `rates` hold: from a day on, or between two times of any day, or always; in UTC."""

    rates: Rates
    first_day: date | None = None
    hours: tuple[time, time] | None = None

    def includes(self, at: datetime) -> bool:
        """`at`: with its zone."""
        utc = at.astimezone(UTC)
        if self.hours is not None:
            begin, end = self.hours
            now = utc.time()
            return begin <= now < end if begin <= end else now >= begin or now < end
        return self.first_day is None or utc.date() >= self.first_day


@dataclass(frozen=True, slots=True)
class KnownModel:
    """The names of a model, and its prices; of `periods` the first that holds counts, else the last."""

    clause: Clause
    periods: tuple[Period, ...]

    def cost(self, usage: "Usage", at: datetime) -> Decimal | None:
        """US dollars; None where a price is missing, or counts contradict each other."""
        rates = next((period.rates for period in self.periods if period.includes(at)), self.periods[-1].rates)
        # Without a price for an hour the data would have it cost as five minutes do.
        if usage.cache_write_1h_tokens and _WRITTEN_1H not in rates:
            return None
        read = usage.cached_tokens if _READ in rates else 0
        hour = usage.cache_write_1h_tokens if _WRITTEN_1H in rates else 0
        written = usage.cache_write_tokens - hour if _WRITTEN in rates else 0
        counts = {
            "input_mtok": usage.input_tokens - read - written - hour,
            "output_mtok": usage.output_tokens,
            _READ: read,
            _WRITTEN: written,
            _WRITTEN_1H: hour,
            _CALLS: 1,
        }
        if any(counts[name] < 0 for name in counts.keys() & rates.keys()):
            return None
        dollars = Decimal(0)
        for (
            name,
            steps,
        ) in rates.items():  # what has other names, such as seconds of sound, nobody counts here
            price = next(price for above, price in steps if usage.input_tokens > above)
            dollars += price * counts.get(name, 0) / (1_000 if name == _CALLS else 1_000_000)
        return dollars


@dataclass(frozen=True, slots=True)
class KnownPrices:
    """Of one provider, with those that it takes over from others."""

    models: Sequence[KnownModel]

    def find(self, name: str) -> KnownModel | None:
        """The first model that has this name; with the day in it written either way."""
        name = name.lower()
        names = dict.fromkeys((name, _DAY.sub(_dashed, name)))
        return next((model for name in names for model in self.models if model.clause.matches(name)), None)


def _dashed(day: re.Match[str]) -> str:
    try:
        return f"-{date(int(day[1]), int(day[2]), int(day[3]))}"
    except ValueError:
        return day[0]
