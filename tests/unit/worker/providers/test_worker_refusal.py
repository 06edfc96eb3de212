"""Failed calls in words that a person can act on, and in characters that every record can carry."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from pointsman.worker.calls.answer import Reject, Retry
from pointsman.worker.providers.refusal import clean, from_status
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.reasons import FailReason

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROW = ProviderRow(name="acme", base_url="http://acme.test/v1", key_env="ACME_KEY")


def refused(
    status: int, body: Any = b"", row: ProviderRow = ROW, retry_after: str | None = None
) -> Retry | Reject:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return from_status(row, status, content, headers=headers, now=NOW)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            401,
            {"error": {"message": "bad key"}},
            "401: bad key -- check the key in the environment variable ACME_KEY",
        ),
        (
            404,
            {"error": {"message": "no model m"}},
            "404: no model m -- check the tier's model and the provider's base_url in providers.yaml",
        ),
        (400, {"message": "n: at most 8"}, "400: n: at most 8 -- change the job's request"),
        (500, {"detail": "boom"}, "500: boom"),
        (502, b"<html>\n <b>Bad</b>\n</html>", "502: <html> <b>Bad</b> </html>"),
        (503, b"", "503: nothing"),
    ],
)
def test_the_message_says_who_what_and_what_to_do(status: int, body: Any, message: str) -> None:
    assert refused(status, body).message == f"acme answered {message}"


def test_a_provider_without_a_key_variable_is_told_to_have_one() -> None:
    row = ProviderRow(name="acme", base_url="http://acme.test/v1")
    assert refused(401, b"no", row).message.endswith("-- give acme a key_env in providers.yaml")


def test_a_refusal_costs_nothing() -> None:
    found = refused(429, {"error": {"message": "slow"}}, retry_after="7")
    assert found == Retry(
        reason=FailReason.RATE_LIMITED,
        message="acme answered 429: slow",
        http_status=429,
        response={"error": {"message": "slow"}},
        after=7,
        unbilled=True,
    )


def test_what_a_provider_says_becomes_one_line_that_every_record_can_carry() -> None:
    assert clean("a\0b\n\tc \ud800!") == "a b c ?!"
    assert len(clean("x" * 10_000)) == 500


@pytest.mark.parametrize("body", [[], 7, None, {"error": None}, {"error": {"message": None}}, {"error": []}])
def test_an_error_in_no_known_shape_is_shown_as_it_came(body: Any) -> None:
    assert refused(500, body).message == f"acme answered 500: {orjson.dumps(body).decode()}"
