"""The rate-limit headers of providers: what is left, and until when."""

from datetime import UTC, datetime

import pytest

from pointsman.worker.providers.rate_limit_headers import wait_told

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("20ms", 0.02),
        ("2m59.56s", 179.56),
        ("1h", 3600),
        ("0.01d", 864),
        ("12.5", 12.5),
        (" 12.5 ", 12.5),
        ("2026-05-01T12:00:07Z", 7),
        ("2026-05-01T12:00:07", 7),
        ("2026-05-01T11:59:00Z", None),
        ("0s", None),
        ("2h", None),
        ("1777636800", None),
        ("1777636809", 9),
        ("1777636809000", 9),
        ("1777600000", None),
        ("1795855000", None),
        ("1e306", None),
        ("9" * 400, None),
        ("9" * 400 + "s", None),
        ("9" * 60 + "d", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("1s or so", None),
        ("", None),
    ],
)
def test_reset_times(reset: str, seconds: float | None) -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": reset}
    assert wait_told(headers, NOW) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "name",
    [
        "x-ratelimit-{}-requests",
        "x-ratelimit-{}-tokens",
        "anthropic-ratelimit-requests-{}",
        "anthropic-ratelimit-tokens-{}",
        "anthropic-ratelimit-input-tokens-{}",
        "anthropic-ratelimit-output-tokens-{}",
    ],
)
def test_each_header_is_used(name: str) -> None:
    assert wait_told({name.format("remaining"): " 0", name.format("reset"): "3s"}, NOW) == 3


def test_remaining_capacity_causes_no_wait() -> None:
    headers = {"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "30s"}
    assert wait_told(headers, NOW) is None
    assert wait_told({}, NOW) is None
    assert wait_told({"x-ratelimit-remaining-tokens": "0"}, NOW) is None


def test_the_latest_reset_of_exhausted_limits_counts() -> None:
    headers = {
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-05-01T12:00:03Z",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-05-01T12:00:09Z",
        "anthropic-ratelimit-output-tokens-remaining": "5000",
        "anthropic-ratelimit-output-tokens-reset": "2026-05-01T12:00:50Z",
    }
    assert wait_told(headers, NOW) == 9
