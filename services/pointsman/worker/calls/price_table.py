"""Takes a provider's prices out of the table of `genai-prices`, in a process that ends then.

The table and what it takes to load it are 14 MB, which a service would keep for good to read a few rows of.
"""

import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pointsman.worker.calls.known_prices import Clause, KnownModel, KnownPrices, Period, Rates, Steps

if TYPE_CHECKING:
    from genai_prices.types import Provider

_TABLE = "genai_prices.data"


@lru_cache
def prices_of(provider: str) -> KnownPrices:
    """The prices of `provider`, by its id there; takes about a second, so at start-up, not on a call.

    Raises:
        ValueError: no such id.
    """
    if _TABLE in sys.modules:  # loaded for something else
        prices = taken_out(provider)
    else:
        done = subprocess.run(
            [sys.executable, "-m", __name__, provider],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
        prices = pickle.loads(done.stdout)
    if isinstance(prices, KnownPrices):
        return prices
    raise ValueError(
        f"genai_prices_provider: genai-prices knows no {provider!r}; it knows {', '.join(prices)}"
    )


def taken_out(provider: str) -> KnownPrices | list[str]:
    """The prices of `provider`; what ids there are, where it is none of them."""
    from genai_prices.data import providers

    known = {row.id: row for row in providers}
    if provider not in known:
        return list(known)
    rows = [
        known[provider],
        *(known[id] for id in known[provider].fallback_model_providers or () if id in known),
    ]
    return KnownPrices(tuple(model for row in rows for model in _models(row)))


def _models(provider: "Provider") -> list[KnownModel]:
    models = []
    for model in provider.models:
        if isinstance(model.prices, list):
            periods = [_period(price.constraint, price.prices) for price in reversed(model.prices)]
        else:
            periods = [_period(None, model.prices)]
        models.append(KnownModel(_clause(model.match), tuple(periods)))
    return models


def _clause(clause: Any) -> Clause:
    ((kind, value),) = vars(clause).items()
    if isinstance(value, str):
        return Clause(kind, value if kind == "regex" else value.lower())
    return Clause(kind.rstrip("_"), parts=tuple(_clause(part) for part in value))


def _period(constraint: Any, prices: Any) -> Period:
    rates: Rates = {name: _steps(rate) for name, rate in vars(prices).items() if rate is not None}
    if constraint is None:
        return Period(rates)
    if hasattr(constraint, "start_date"):
        return Period(rates, first_day=constraint.start_date)
    return Period(rates, hours=(_utc(constraint.start_time), _utc(constraint.end_time)))


def _steps(rate: Any) -> Steps:
    if isinstance(rate, Decimal):
        return ((-1, rate),)
    return (*((tier.start, tier.price) for tier in reversed(rate.tiers)), (-1, rate.base))


def _utc(of_day: time) -> time:
    return datetime.combine(date(1970, 1, 1), of_day, of_day.tzinfo or UTC).astimezone(UTC).time()


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(taken_out(sys.argv[1])))
