"""What a call cost, by the prices in `genai-prices`; what is not known costs None, never 0."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from pointsman_schemas.calls import Usage

MAX_UNKNOWN = 1_000
#: A call's cost is asked when it is settled and again when it is written down; to find it takes 0.1 ms.
_REMEMBERED = 1_000


class Prices:
    """The prices of one provider, named as `genai-prices` names it; None knows no price.

    Making one with a name loads the price data: about a second and 100 MB, so at start-up, not on a call.

    Raises:
        ValueError: no such name.
    """

    def __init__(self, provider: str | None) -> None:
        self._provider = provider
        self._unknown: set[str] = set()
        self.source: str | None = None
        self._calculated = lru_cache(_REMEMBERED)(self._calculate)
        if provider is None:
            return
        import genai_prices
        from genai_prices.data_snapshot import get_snapshot

        known = [each.id for each in get_snapshot().providers]
        if provider not in known:
            raise ValueError(
                f"genai_prices_provider: genai-prices knows no {provider!r}; it knows {', '.join(known)}"
            )
        self._genai = genai_prices
        self.source = f"genai-prices {genai_prices.__version__}"

    def cost(self, model: str, usage: Usage | None, at: datetime) -> Decimal | None:
        """US dollars for `usage` of `model` at that time."""
        if self._provider is None or usage is None or model in self._unknown:
            return None
        return self._calculated(model, usage, at)

    def _calculate(self, model: str, usage: Usage, at: datetime) -> Decimal | None:
        try:
            return self._genai.calc_price(
                self._genai.Usage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cached_tokens,
                ),
                model,
                provider_id=self._provider,
                genai_request_timestamp=at,
            ).total_price
        except LookupError:
            if len(self._unknown) < MAX_UNKNOWN:  # looking for what is not there goes through every model
                self._unknown.add(model)
            return None
        except ValueError:  # counts that contradict each other, such as more cached tokens than tokens
            return None
