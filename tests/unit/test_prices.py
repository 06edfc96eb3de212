"""Costs by genai-prices: exact, with cached tokens at their own price, and unknown rather than 0."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pointsman.worker.prices import MAX_UNKNOWN, Prices
from pointsman_schemas.calls import Usage

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
USAGE = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=200_000)


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices("openai")


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        # Dollars for a million tokens in, cached and out: 0.10 0.025 0.40; 0.40 0.10 1.60; 2 0.50 8
        ("gpt-4.1-nano", "0.125"),
        ("gpt-4.1-nano-2025-04-14", "0.125"),
        ("gpt-4.1-mini", "0.50"),
        ("gpt-4.1", "2.50"),
    ],
)
def test_a_known_model_costs_what_its_tokens_cost(prices: Prices, model: str, dollars: str) -> None:
    assert prices.cost(model, USAGE, NOW) == Decimal(dollars)


def test_cached_tokens_are_cheaper(prices: Prices) -> None:
    none_cached = prices.cost("gpt-4.1", USAGE.model_copy(update={"cached_tokens": 0}), NOW)
    assert none_cached == Decimal("2.80")


def test_nothing_used_costs_nothing(prices: Prices) -> None:
    assert prices.cost("gpt-4.1", Usage(input_tokens=0, output_tokens=0), NOW) == 0


def test_what_is_not_known_is_none(prices: Prices) -> None:
    for _ in range(2):  # the second time from memory
        assert prices.cost("nobodys-7b", USAGE, NOW) is None
    assert prices.cost("gpt-4.1", None, NOW) is None
    contradiction = Usage(input_tokens=10, output_tokens=1, cached_tokens=100)
    assert prices.cost("gpt-4.1", contradiction, NOW) is None
    assert prices.cost("gpt-4.1", USAGE, NOW) is not None


def test_a_provider_without_prices_knows_none() -> None:
    local = Prices(None)
    assert (local.cost("gpt-4.1", USAGE, NOW), local.source) == (None, None)


def test_a_provider_that_genai_prices_does_not_know_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"^genai_prices_provider: genai-prices knows no 'opneai'; it knows .*openai"
    ):
        Prices("opneai")


def test_the_source_names_the_version(prices: Prices) -> None:
    from importlib.metadata import version

    assert prices.source == f"genai-prices {version('genai-prices')}"


def test_ever_new_names_do_not_fill_the_memory(prices: Prices) -> None:
    for number in range(MAX_UNKNOWN + 50):
        assert prices.cost(f"nobodys-{number}b", USAGE, NOW) is None
    assert len(prices._unknown) == MAX_UNKNOWN
