"""A call's cost, by the prices in `providers.yaml`, else by `genai-prices`; unknown is None, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pointsman_schemas.base import Value
from pointsman_schemas.calls import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo
    from genai_prices.types import ModelPrice as DataPrice
    from genai_prices.types import Provider as DataProvider

#: To look for a name goes through every model of its provider, so it is done once.
MAX_NAMES = 1_000
OWN = "providers.yaml"
_READ, _WRITTEN, _WRITTEN_1H = "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class ModelPrice(Value):
    """US dollars per million tokens; a price left out is that of the input.

    Writing to a one-hour cache has a separate price: without it the cost of such a call is unknown.
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
        read_price = self.input if self.cached_input is None else self.cached_input
        write_price = self.input if self.cache_write is None else self.cache_write
        dollars = (
            plain * self.input
            + usage.cached_tokens * read_price
            + minutes * write_price
            + hour * (self.cache_write_1h or 0)
            + usage.output_tokens * self.output
        )
        return dollars / 1_000_000


@dataclass(frozen=True, slots=True)
class Priced:
    """US dollars, and the source of the price."""

    usd: Decimal
    source: str


class Prices:
    """The prices of one provider: its `own`, by model, and those of the name in `genai-prices`.

    Making one with a name loads the price data: about a second and 100 MB, so at start-up, not on a call.

    Raises:
        ValueError: no such name.
    """

    def __init__(self, provider: str | None, own: Mapping[str, ModelPrice] | None = None) -> None:
        self._provider = provider
        self._own = own or {}
        self.source: str | None = None
        self._find_cached = lru_cache(MAX_NAMES)(self._find)
        if provider is None:
            return
        import genai_prices
        from genai_prices.data_snapshot import get_snapshot

        providers = [row.id for row in get_snapshot().providers]
        if provider not in providers:
            raise ValueError(
                f"genai_prices_provider: genai-prices has no {provider!r}; it has {', '.join(providers)}"
            )
        self._genai = genai_prices
        self.source = f"genai-prices {genai_prices.__version__}"

    def cost(self, model: str, usage: Usage | None, at: datetime) -> Decimal | None:
        """US dollars for `usage` of `model` at that time."""
        priced = self.priced(model, usage, at)
        return None if priced is None else priced.usd

    def priced(self, model: str, usage: Usage | None, at: datetime, *, requested: str = "") -> Priced | None:
        """The same with its source. A name without a known price costs as the model that was `requested`."""
        if usage is None:
            return None
        names = dict.fromkeys(name for whole in (model, requested) if whole for name in _names(whole))
        for name in names:
            if name in self._own:
                usd = self._own[name].cost(usage)
                return None if usd is None else Priced(usd, OWN)
        if self._provider is None or self.source is None:
            return None
        for name in names:
            if (usd := self._calculated(name, usage, at)) is not None:
                return Priced(usd, self.source)
        return None

    def _find(self, model: str) -> "tuple[DataProvider, ModelInfo] | None":
        try:
            return self._genai.data_snapshot.get_snapshot().find_provider_model(
                model, None, self._provider, None
            )
        except LookupError:
            return None

    def _calculated(self, model: str, usage: Usage, at: datetime) -> Decimal | None:
        provider_and_model = self._find_cached(model)
        if provider_and_model is None:
            return None
        provider, info = provider_and_model
        price = info.get_prices(at)
        # Without a price for an hour the data would have it cost as five minutes do.
        if usage.cache_write_1h_tokens and price.cache_write_1h_mtok is None:
            return None
        counts = _counts(price, usage)
        if counts is not None:
            return self._sum(price, counts, usage)
        try:
            return info.calc_price(
                self._genai.Usage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cached_tokens,
                    cache_write_tokens=usage.cache_write_tokens,
                    cache_write_1h_tokens=usage.cache_write_1h_tokens or None,
                ),
                provider,
                genai_request_timestamp=at,
            ).total_price
        except ValueError:  # counts that contradict each other, such as more cached tokens than tokens
            return None

    def _sum(self, price: "DataPrice", counts: Mapping[str, int], usage: Usage) -> Decimal:
        """As `calc_price` adds it up, without its looking at all units there are: a tenth of the time."""
        unit_price = self._genai.types.calc_unit_price
        rates = [(rate, counts[name]) for name, rate in vars(price).items() if rate is not None]
        dollars = [unit_price(rate, count, usage.input_tokens, 1_000_000) for rate, count in rates]
        return sum(dollars, Decimal(0))


def _counts(price: "DataPrice", usage: Usage) -> dict[str, int] | None:
    """How many tokens have which price; None where there are other prices, or the counts contradict them."""
    names = {name for name, rate in vars(price).items() if rate is not None}
    cache_read = usage.cached_tokens if _READ in names else 0
    written = usage.cache_write_tokens if _WRITTEN in names else 0
    hour = usage.cache_write_1h_tokens if _WRITTEN_1H in names else 0
    counts = {
        "input_mtok": usage.input_tokens - cache_read - written,
        "output_mtok": usage.output_tokens,
        _READ: cache_read,
        _WRITTEN: written - hour,
        _WRITTEN_1H: hour,
    }
    is_whole = names <= counts.keys() and (_WRITTEN in names or _WRITTEN_1H not in names)
    is_whole = is_whole and ("input_mtok" in names or names.isdisjoint((_READ, _WRITTEN)))
    return counts if is_whole and min(counts.values()) >= 0 else None


def _names(model: str) -> tuple[str, ...]:
    """The model's name, and without the provider that gateways write in front of it."""
    return (model, model.rpartition("/")[2]) if "/" in model else (model,)
