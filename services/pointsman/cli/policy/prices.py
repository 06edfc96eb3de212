"""What tokens cost on each tier, by the models that providers.yaml names."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from pointsman.worker.calls.prices import Prices
from pointsman.worker.providers_file import load
from pointsman_schemas.calls import Usage


def tier_prices(providers: Path, at: datetime) -> Callable[[str, int, int], Decimal | None]:
    """The price of (tier, tokens in, tokens out) at that time; None where it is not known.

    Raises:
        FileError: the file cannot be used.
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
