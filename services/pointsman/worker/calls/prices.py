"""What a call cost: by the prices in `providers.yaml`, else by `genai-prices`; unknown is None, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import Annotated

from pydantic import Field

from pointsman.worker.calls.price_table import prices_of
from pointsman_schemas.base import Value
from pointsman_schemas.calls import Usage

#: To look for a name goes through every model of its provider, so it is done once.
MAX_NAMES = 1_000
OWN = "providers.yaml"

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class ModelPrice(Value):
    """US dollars for a million tokens; what is left out costs as the input does.

    What a cache keeps for an hour has a price of its own: without it such a call's cost is not known.
    """

    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None
    cache_write: Dollars | None = None
    cache_write_1h: Dollars | None = None

    def cost(self, usage: Usage) -> Decimal | None:
        """US dollars for `usage`; None where more was cached than sent, or a price is missing."""
        hour, minutes = usage.cache_write_1h_tokens, usage.cache_write_tokens - usage.cache_write_1h_tokens
        plain = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        if plain < 0 or minutes < 0 or (hour and self.cache_write_1h is None):
            return None
        read = self.input if self.cached_input is None else self.cached_input
        written = self.input if self.cache_write is None else self.cache_write
        dollars = (
            plain * self.input
            + usage.cached_tokens * read
            + minutes * written
            + hour * (self.cache_write_1h or 0)
            + usage.output_tokens * self.output
        )
        return dollars / 1_000_000


@dataclass(frozen=True, slots=True)
class Priced:
    """US dollars, and where the price is from."""

    usd: Decimal
    source: str


class Prices:
    """The prices of one provider: its `own`, by model, and those of the name in `genai-prices`.

    Making one with a name reads the price data: about a second, so at start-up, not on a call.

    Raises:
        ValueError: no such name.
    """

    def __init__(self, provider: str | None, own: Mapping[str, ModelPrice] | None = None) -> None:
        self._own = own or {}
        self.source: str | None = None
        if provider is not None:
            self._find = lru_cache(MAX_NAMES)(prices_of(provider).find)
            self.source = f"genai-prices {version('genai-prices')}"

    def cost(self, model: str, usage: Usage | None, at: datetime) -> Decimal | None:
        """US dollars for `usage` of `model` at that time."""
        priced = self.priced(model, usage, at)
        return None if priced is None else priced.usd

    def priced(self, model: str, usage: Usage | None, at: datetime, *, asked: str = "") -> Priced | None:
        """The same with its source. A name that no price is known for costs as the model that was `asked`."""
        if usage is None:
            return None
        names = dict.fromkeys(name for whole in (model, asked) if whole for name in _names(whole))
        for name in names:
            if name in self._own:
                usd = self._own[name].cost(usage)
                return None if usd is None else Priced(usd, OWN)
        if self.source is None:
            return None
        for name in names:
            known = self._find(name)
            if known is not None and (usd := known.cost(usage, at)) is not None:
                return Priced(usd, self.source)
        return None


def _names(model: str) -> tuple[str, ...]:
    """The model's name, and without the provider that gateways write in front of it."""
    return (model, model.rpartition("/")[2]) if "/" in model else (model,)
