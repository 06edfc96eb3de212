"""What a call cost: by the prices in `providers.yaml`, else by `genai-prices`; unknown is None, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from pointsman_schemas.base import Value
from pointsman_schemas.calls import Usage

MAX_UNKNOWN = 1_000
#: A call's cost is asked when it is settled and again when it is written down; to find it takes 0.1 ms.
_REMEMBERED = 1_000
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

    Making one with a name loads the price data: about a second and 100 MB, so at start-up, not on a call.

    Raises:
        ValueError: no such name.
    """

    def __init__(self, provider: str | None, own: Mapping[str, ModelPrice] | None = None) -> None:
        self._provider = provider
        self._own = own or {}
        self._unknown: set[str] = set()
        self.source: str | None = None
        self._calculated = lru_cache(_REMEMBERED)(self._calculate)
        if provider is None:
            return
        import genai_prices
        from genai_prices.data_snapshot import get_snapshot

        known = [row.id for row in get_snapshot().providers]
        if provider not in known:
            raise ValueError(
                f"genai_prices_provider: genai-prices knows no {provider!r}; it knows {', '.join(known)}"
            )
        self._genai = genai_prices
        self.source = f"genai-prices {genai_prices.__version__}"

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
        if self._provider is None or self.source is None:
            return None
        for name in names:
            if name not in self._unknown and (usd := self._calculated(name, usage, at)) is not None:
                return Priced(usd, self.source)
        return None

    def _calculate(self, model: str, usage: Usage, at: datetime) -> Decimal | None:
        try:
            priced = self._genai.calc_price(
                self._genai.Usage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cached_tokens,
                    cache_write_tokens=usage.cache_write_tokens,
                    cache_write_1h_tokens=usage.cache_write_1h_tokens or None,
                ),
                model,
                provider_id=self._provider,
                genai_request_timestamp=at,
            )
        except LookupError:
            if len(self._unknown) < MAX_UNKNOWN:  # looking for what is not there goes through every model
                self._unknown.add(model)
            return None
        except ValueError:  # counts that contradict each other, such as more cached tokens than tokens
            return None
        # Without a price for an hour the data would have it cost as five minutes do.
        is_unknown = usage.cache_write_1h_tokens and priced.model_price.cache_write_1h_mtok is None
        return None if is_unknown else priced.total_price


def _names(model: str) -> tuple[str, ...]:
    """The model's name, and without the provider that gateways write in front of it."""
    return (model, model.rpartition("/")[2]) if "/" in model else (model,)
