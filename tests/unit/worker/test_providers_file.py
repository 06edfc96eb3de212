"""Errors of providers.yaml are reported with their place, and never include a key."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman import starter
from pointsman.runtime.yaml_file import FileError
from pointsman.worker.calls.prices import ModelPrice
from pointsman.worker.providers_file import ProviderRow, Providers, load

GOOD = """\
providers:
  - name: acme
    base_url: https://acme.test/v1/
    key_env: ACME_KEY
    timeout_s: 30
    headers: {x-tenant: "7"}
  - name: local
    base_url: "${LOCAL:-http://127.0.0.1:8000}/v1"
tiers:
  small: {provider: local, model: tiny-1b, max_in_flight: 8, attempts: 2}
  large: {provider: acme, model: huge}
"""


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(text: str, tier: str | None = None, **environ: str) -> Providers:
        (tmp_path / "providers.yaml").write_text(text)
        return load(tmp_path / "providers.yaml", tier=tier, environ=environ)

    return read


@pytest.fixture
def problems(read: Any, tmp_path: Path) -> Any:
    def problems(text: str, tier: str | None = None, **environ: str) -> list[str]:
        with pytest.raises(FileError) as error:
            read(text, tier, **environ)
        return [problem.removeprefix(f"{tmp_path}/") for problem in error.value.problems]

    return problems


def test_a_tier_knows_its_model_and_its_provider(read: Any) -> None:
    tier, provider = read(GOOD).of("large")
    assert (tier.model, tier.max_in_flight, tier.attempts) == ("huge", 64, 4)
    assert tier.jobs_of_a_lane == 128
    assert (provider.name, provider.base_url, provider.timeout_s) == ("acme", "https://acme.test/v1", 30)
    assert (provider.trace_headers, provider.genai_prices_provider) == (False, None)
    with pytest.raises(KeyError):
        read(GOOD).of("huge")


def test_all_errors_are_reported_at_once(problems: Any) -> None:
    text = """\
providers:
  - name: Acme Inc
    base_url: acme.test/v1
    timeout: 30
  - base_url: "${LOCAL}/v1"
    name: local
    timeout_s: 0
tiers:
  small: {provider: local, modle: tiny-1b, attempts: 0}
  "Too Large": {provider: acme, model: huge}
"""
    assert problems(text) == [
        "providers.yaml:2:11: providers[0].name: must match ^[a-z0-9][a-z0-9._-]{0,31}$",
        "providers.yaml:3:15: providers[0].base_url: must be an address such as https://host/v1",
        "providers.yaml:4:5: providers[0]: unknown key `timeout`, did you mean `timeout_s`?",
        "providers.yaml:5:15: providers[1].base_url: the environment variable LOCAL is not set: "
        "set it, or give a default as in ${LOCAL:-http://...}",
        "providers.yaml:7:16: providers[1].timeout_s: must be greater than 0",
        "providers.yaml:9:10: tiers.small: `model` is missing",
        "providers.yaml:9:28: tiers.small: unknown key `modle`, did you mean `model`?",
        "providers.yaml:9:54: tiers.small.attempts: must be greater than or equal to 1",
        "providers.yaml:10:3: tiers.Too Large: must match ^[a-z0-9][a-z0-9-]{0,31}$",
    ]


def test_unknown_names_are_reported(problems: Any) -> None:
    text = GOOD.replace("provider: acme", "provider: akme").replace("name: local", "name: acme")
    assert problems(text, "smal") == [
        "providers.yaml:7:11: providers[1].name: there is a `acme` already",
        "providers.yaml:10:3: tiers: no tier `smal`, did you mean `small`?",
        "providers.yaml:10:21: tiers.small.provider: no provider `local`; there are acme, acme",
        "providers.yaml:11:21: tiers.large.provider: no provider `akme`, did you mean `acme`?",
    ]


def test_a_model_for_embeddings_is_for_providers_of_openais_format(problems: Any, read: Any) -> None:
    text = GOOD.replace("model: huge", "model: huge, embeddings: vast")
    assert read(text).tiers["large"].embeddings == "vast"
    assert problems(text.replace("name: acme", "name: acme\n    format: google")) == [
        "providers.yaml:12:52: tiers.large.embeddings: is for providers of format openai, not google"
    ]


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("${LOCAL:-http://127.0.0.1:8000}/v1", {}, "http://127.0.0.1:8000/v1"),
        ("${LOCAL:-http://127.0.0.1:8000}/v1", {"LOCAL": "http://gpu:9"}, "http://gpu:9/v1"),
        ("${LOCAL:-http://127.0.0.1:8000}/v1", {"LOCAL": ""}, "http://127.0.0.1:8000/v1"),
        ("${LOCAL}", {"LOCAL": "http://gpu/$1"}, "http://gpu/$1"),
        ("http://${HOST:-a}:${PORT:-1}/v1", {"PORT": "2"}, "http://a:2/v1"),
        ("http://[::1]:8000/v1", {}, "http://[::1]:8000/v1"),
    ],
)
def test_an_address_may_come_from_the_environment(
    read: Any, url: str, environ: dict[str, str], expected: str
) -> None:
    parsed = read(GOOD.replace("https://acme.test/v1/", f'"{url}"'), **environ)
    assert parsed.providers[0].base_url == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("${LOCAL", "`${` must be written as ${NAME} or ${NAME:-default}"),
        ("${}/v1", "`${` must be written as ${NAME} or ${NAME:-default}"),
        ("ftp://acme.test", "must be an address such as https://host/v1"),
        ("https:///v1", "must be an address such as https://host/v1"),
        ("https://acme.test:99999/v1", "must be an address such as https://host/v1"),
        ("https://me:sk-5ecret@acme.test/v1", "must be an address only: no user, query or fragment"),
        ("https://acme.test/v1?key=sk-5ecret", "must be an address only: no user, query or fragment"),
    ],
)
def test_an_invalid_address_is_refused_without_repeating_it(problems: Any, url: str, expected: str) -> None:
    (problem,) = problems(GOOD.replace("https://acme.test/v1/", f'"{url}"'))
    assert problem.startswith(f"providers.yaml:3:15: providers[0].base_url: {expected}")
    assert "5ecret" not in problem


@pytest.mark.parametrize(
    "key", ["sk-5ecret", "gsk_5ecret", "AIza5ecret", "Bearer 5ecret", "5ECRET", "A" * 65 + "5ecret"]
)
def test_a_key_in_the_file_is_refused_without_repeating_it(problems: Any, key: str) -> None:
    (problem,) = problems(GOOD.replace("ACME_KEY", key), "large")
    assert problem == (
        "providers.yaml:4:14: providers[0].key_env: must be an environment variable's NAME in capitals "
        "such as OPENAI_API_KEY, not the key itself"
    )


@pytest.mark.parametrize("name", ["Authorization", "api-key", "X-Api-Key", "x-goog-api-key"])
def test_a_key_among_the_headers_is_refused_without_repeating_it(problems: Any, name: str) -> None:
    (problem,) = problems(GOOD.replace('x-tenant: "7"', f"{name}: sk-5ecret"))
    assert problem == (
        f"providers.yaml:6:14: providers[0].headers: `{name}` does not belong in a file: "
        "name the key's variable in key_env"
    )


@pytest.mark.parametrize("header", ['"x y": z', 'x: "ö"', 'x: "a\\nb"'])
def test_a_header_that_http_cannot_carry_is_refused(problems: Any, header: str) -> None:
    assert "header names are letters" in problems(GOOD.replace('x-tenant: "7"', header))[0]


def test_the_key_of_the_tier_at_hand_must_be_set_and_no_other(problems: Any, read: Any) -> None:
    read(GOOD)
    read(GOOD, "small")
    assert problems(GOOD, "large") == [
        "providers.yaml:4:14: providers[0].key_env: the environment variable ACME_KEY is not set: "
        "export ACME_KEY=..."
    ]
    assert read(GOOD, "large", ACME_KEY=" sk-5ecret\n").providers[0].key_env == "ACME_KEY"


@pytest.mark.parametrize("key", ["sk-5ecret\nx-evil: 1", "sk 5ecret", "sk-5ecret-ö", "sk-5ecret\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(problems: Any, key: str) -> None:
    (problem,) = problems(GOOD, "large", ACME_KEY=key)
    assert problem.endswith("the environment variable ACME_KEY holds characters that no key can have")
    assert "5ecret" not in problem


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("format: azure", "format azure needs an `api_version`, or a base_url that ends in /openai/v1"),
        ("format: acme", "must be "),
        ('api_version: "2024-10-21"', "`api_version` is for formats azure and anthropic, not for openai"),
        ("token: {file: /t}", "has both `key_env` and `token`: give one of them"),
        ("token: {}", "needs either `command` or `file`"),
        ("token: {file: /t, command: t}", "needs either `command` or `file`"),
        ("token: {file: /t, renew_s: 0}", "must be greater than or equal to 1"),
    ],
)
def test_contradictory_settings_of_a_row_are_reported(problems: Any, row: str, expected: str) -> None:
    (problem,) = problems(GOOD.replace("timeout_s: 30", row))
    assert expected in problem


def test_the_key_is_in_no_text_of_the_row() -> None:
    row = ProviderRow(
        name="acme", base_url="http://acme.test", key_env="ACME_KEY", headers={"x-tenant": "t7"}
    )
    key = row.key({"ACME_KEY": " sk-5ecret "})
    assert key.get_secret_value() == "sk-5ecret"
    assert "5ecret" not in f"{row!r}{row}{key!r}{key}{row.model_dump_json()}"
    assert "t7" not in repr(row)


def test_a_provider_without_a_key_never_gets_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-5ecret")
    assert ProviderRow(name="local", base_url="http://a.test").key().get_secret_value() == "none"


def test_the_shipped_file_serves_the_tiers_of_the_shipped_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    from pointsman.dev.simulator.answering.models import BY_NAME
    from pointsman.router.policy.policy_file import load as load_policy

    monkeypatch.delenv("POINTSMAN_SIMULATOR", raising=False)
    shipped = load(starter.PROVIDERS)
    assert list(shipped.tiers) == list(load_policy(starter.POLICY).tiers)
    for tier in shipped.tiers:
        row, provider = shipped.of(tier)
        assert row.model in BY_NAME
        assert (provider.base_url, provider.trace_headers) == ("http://127.0.0.1:18080/v1", True)


def test_the_rows_that_the_shipped_file_shows_as_comments_are_good(read: Any) -> None:
    text = starter.PROVIDERS.read_text()
    lines = text.replace("  # - name", "  - name").replace("  #   ", "    ").splitlines()
    parsed = read("\n".join(lines))
    assert [row.name for row in parsed.providers] == [
        "simulator",
        "openai",
        "anthropic",
        "google",
        "azure",
        "local",
    ]


def test_own_prices_are_read_by_model(read: Any) -> None:
    own = "    prices: {huge: {input: 0.2, output: 1, cached_input: 0.05}}\n"
    prices = read(GOOD.replace("tiers:", own + "tiers:", 1)).providers[-1].prices
    assert prices == {
        "huge": ModelPrice(input=Decimal("0.2"), output=Decimal(1), cached_input=Decimal("0.05"))
    }


@pytest.mark.parametrize(
    "price",
    [
        "{input: -1, output: 1}",
        "{input: .nan, output: 1}",
        "{input: .inf, output: 1}",
        "{input: 1}",
        "{input: 1e9, output: 1}",
    ],
)
def test_an_impossible_price_is_refused(problems: Any, price: str) -> None:
    (problem,) = problems(GOOD.replace("tiers:", f"    prices: {{huge: {price}}}\ntiers:", 1))
    assert "prices.huge" in problem
