"""The price of tokens by tier, from the models in providers.yaml."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from pointsman.worker.calls.prices import Prices
from pointsman.worker.providers_file import load
from pointsman_schemas.calls import Usage


def tier_prices(providers: Path, at: datetime) -> Callable[[str, int, int], Decimal | None]:
    """Return a function from (tier, tokens in, tokens out) to the cost in US dollars; None if unknown.

    Raises:
        FileError: the providers file is invalid.
    """
    file = load(providers)
    named = {row.name: Prices(row.genai_prices_provider, row.prices) for row in file.providers}

    def price(tier: str, tokens_in: int, tokens_out: int) -> Decimal | None:
        if tier not in file.tiers:
            return None
        row, provider = file.of(tier)
        usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
        return named[provider.name].cost(row.model, usage, at)

    return price
