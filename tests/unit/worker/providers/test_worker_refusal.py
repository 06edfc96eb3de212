"""Messages of failed calls are helpful, and have only characters that every record can hold."""

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
    retry = refused(429, {"error": {"message": "slow"}}, retry_after="7")
    assert retry == Retry(
        reason=FailReason.RATE_LIMITED,
        message="acme answered 429: slow",
        http_status=429,
        response={"error": {"message": "slow"}},
        after=7,
        unbilled=True,
    )


@pytest.mark.parametrize(
    ("error", "code", "param"),
    [
        ({"code": "invalid_type", "param": "temperature"}, "invalid_type", "temperature"),
        ({"code": 400, "param": None, "status": "INVALID_ARGUMENT"}, None, None),
        ({"code": "400", "param": "x" * 81}, None, None),
        ({"code": "a\nb", "param": ["x"], "inner": {"code": "deeper"}}, None, None),
    ],
)
def test_what_the_error_names_is_kept_where_it_is_a_short_text(
    error: Any, code: str | None, param: str | None
) -> None:
    rejected = refused(400, {"error": {"message": "no", **error}})
    assert isinstance(rejected, Reject)
    assert (rejected.reason, rejected.code, rejected.param) == (FailReason.BAD_REQUEST, code, param)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "context_length_exceeded", "param": "messages", "message": "no"}},
        {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
        {"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number (8)"}},
        {"message": "Input is too long for requested model."},
    ],
)
def test_a_conversation_that_is_too_long_has_one_code_whatever_the_format(body: Any) -> None:
    rejected = refused(400, body)
    assert isinstance(rejected, Reject)
    assert rejected.code == "context_length_exceeded"


def test_what_a_provider_says_becomes_one_line_that_every_record_can_carry() -> None:
    assert clean("a\0b\n\tc \ud800!") == "a b c ?!"
    assert len(clean("x" * 10_000)) == 500


@pytest.mark.parametrize("body", [[], 7, None, {"error": None}, {"error": {"message": None}}, {"error": []}])
def test_an_error_in_no_known_shape_is_shown_as_it_came(body: Any) -> None:
    assert refused(500, body).message == f"acme answered 500: {orjson.dumps(body).decode()}"
