"""Costs from genai-prices: exact, with cached tokens at their price, and unknown instead of 0."""

from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot

from pointsman.worker.calls.prices import MAX_NAMES, OWN, ModelPrice, Priced, Prices
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


def test_unknown_costs_are_none(prices: Prices) -> None:
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
        ValueError, match=r"^genai_prices_provider: genai-prices has no 'opneai'; it has .*openai"
    ):
        Prices("opneai")


def test_the_source_names_the_version(prices: Prices) -> None:
    from importlib.metadata import version

    assert prices.source == f"genai-prices {version('genai-prices')}"


def test_memory_for_model_names_is_bounded(prices: Prices) -> None:
    for number in range(MAX_NAMES + 50):
        assert prices.cost(f"nobodys-{number}b", USAGE, NOW) is None
    assert prices._find_cached.cache_info().currsize == MAX_NAMES


def test_every_price_of_the_data_is_added_up_as_the_library_does() -> None:
    """Exactly, with prices that depend on day, hour and length."""
    usages = [
        Usage(input_tokens=220, output_tokens=60),
        Usage(input_tokens=0, output_tokens=0),
        Usage(input_tokens=300_001, output_tokens=7, cached_tokens=1_000),
        Usage(input_tokens=999, output_tokens=3, cached_tokens=99, cache_write_tokens=900),
        Usage(input_tokens=10, output_tokens=1, cached_tokens=100),
        Usage(input_tokens=10, output_tokens=1, cached_tokens=6, cache_write_tokens=6),
    ]
    times = (NOW, NOW.replace(hour=20), NOW.replace(year=2020))
    added_up = 0
    for provider in get_snapshot().providers:
        prices = Prices(provider.id)
        for model in provider.models:
            for usage, at in zip(usages, times * 2, strict=True):
                try:
                    of_library = genai_prices.calc_price(
                        genai_prices.Usage(
                            input_tokens=usage.input_tokens,
                            output_tokens=usage.output_tokens,
                            cache_read_tokens=usage.cached_tokens,
                            cache_write_tokens=usage.cache_write_tokens,
                        ),
                        model.id,
                        provider_id=provider.id,
                        genai_request_timestamp=at,
                    ).total_price
                    added_up += 1
                except ValueError:
                    of_library = None
                except LookupError:  # the data know some models by other names than their ids
                    continue
                cost = prices._calculated(model.id, usage, at)
                assert str(cost) == str(of_library), (provider.id, model.id, usage, at)
    assert added_up > 5_000


@pytest.mark.parametrize("name", ["openai/gpt-4.1", "gateway/openai/gpt-4.1"])
def test_a_gateways_name_for_a_model_has_the_models_price(prices: Prices, name: str) -> None:
    assert prices.cost(name, USAGE, NOW) == prices.cost("gpt-4.1", USAGE, NOW) == Decimal("2.50")


def test_a_name_that_nobody_knows_has_the_price_of_the_model_that_was_asked(prices: Prices) -> None:
    priced = prices.priced("our-gateways-best", USAGE, NOW, requested="gpt-4.1")
    assert priced is not None and priced.usd == Decimal("2.50")
    assert prices.priced("gpt-4.1-mini", USAGE, NOW, requested="gpt-4.1") == prices.priced(
        "gpt-4.1-mini", USAGE, NOW
    )
    assert prices.priced("our-gateways-best", USAGE, NOW, requested="our-gateways-best") is None


def test_what_is_read_from_a_cache_and_written_to_it_has_its_own_price() -> None:
    hit = Usage(input_tokens=100_000, output_tokens=100, cached_tokens=99_000)
    assert Prices("deepseek").cost("deepseek-chat", hit, NOW) == Decimal("0.00731")
    written = Usage(input_tokens=20_000, output_tokens=10, cache_write_tokens=19_000)
    assert Prices("anthropic").cost("claude-sonnet-4-5", written, NOW) == Decimal("0.07440")


def test_one_hour_cache_writes_have_their_own_price_or_none() -> None:
    """1,000 tokens at 3 dollars a million, 9,000 for five minutes at 3.75, 10,000 for an hour at 6."""
    hour = Usage(
        input_tokens=20_000, output_tokens=0, cache_write_tokens=19_000, cache_write_1h_tokens=10_000
    )
    assert Prices("anthropic").cost("claude-sonnet-4-5", hour, NOW) == Decimal("0.09675")
    assert Prices("openai").cost("gpt-4.1", hour, NOW) is None
    own = ModelPrice(input=Decimal(3), output=Decimal(15), cache_write=Decimal("3.75"))
    assert own.cost(hour) is None
    assert own.model_copy(update={"cache_write_1h": Decimal(6)}).cost(hour) == Decimal("0.09675")


def test_own_prices_come_first_and_need_no_others() -> None:
    own = {"house-7b": ModelPrice(input=Decimal("0.2"), output=Decimal(1), cached_input=Decimal("0.05"))}
    for prices in (Prices(None, own), Prices("openai", own)):
        for name in ("house-7b", "acme/house-7b"):
            assert prices.priced(name, USAGE, NOW) == Priced(Decimal("0.27"), OWN)
        assert prices.priced("house-7b-0425", USAGE, NOW, requested="house-7b") == Priced(
            Decimal("0.27"), OWN
        )
    assert Prices(None, own).cost("gpt-4.1", USAGE, NOW) is None
    known = {"gpt-4.1": ModelPrice(input=Decimal(1), output=Decimal(0))}
    assert Prices("openai", known).cost("gpt-4.1", USAGE, NOW) == Decimal(1)


def test_omitted_own_prices_default_to_the_input_price() -> None:
    price = ModelPrice(input=Decimal(2), output=Decimal(0))
    assert price.cost(USAGE) == Decimal(2)
    assert price.cost(Usage(input_tokens=1, output_tokens=0, cached_tokens=2)) is None
