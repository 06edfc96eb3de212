"""The simulated provider's quotas per time span, and its rate-limit headers."""

import pytest

from pointsman.dev.simulator.errors import Refusal
from pointsman.dev.simulator.quotas import Quota, Quotas


def test_requests_and_tokens_are_counted_over_a_sliding_span() -> None:
    quotas = Quotas({"m": Quota(requests=2, tokens=100, per_s=10)})
    first = quotas.take("m", 60, 1000.0)
    assert (first["x-ratelimit-remaining-requests"], first["x-ratelimit-remaining-tokens"]) == ("1", "40")
    with pytest.raises(Refusal) as error:
        quotas.take("m", 41, 1004.0)
    assert error.value.status == 429
    assert error.value.headers["x-ratelimit-remaining-tokens"] == "0"
    assert error.value.headers["x-ratelimit-reset-tokens"] == "6.000s"
    second = quotas.take("m", 40, 1004.0)
    assert second["x-ratelimit-remaining-requests"] == "0"
    assert second["x-ratelimit-reset-requests"] == "6.000s", "the first room comes back with the first call"
    with pytest.raises(Refusal):
        quotas.take("m", 1, 1009.9)
    assert quotas.take("m", 60, 1010.0)["x-ratelimit-remaining-tokens"] == "0"


def test_requests_alone_are_a_quota_and_each_model_has_its_own() -> None:
    quotas = Quotas({name: Quota(requests=1) for name in ("m", "n")})
    for model in ("m", "n"):
        headers = quotas.take(model, 1_000_000, 0.0)
        assert headers == {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "60.000s"}
    with pytest.raises(Refusal):
        quotas.take("m", 1, 59.0)


def test_a_model_without_a_quota_says_nothing() -> None:
    assert Quotas({"m": Quota(requests=1)}).take("other", 10, 0.0) == {}
