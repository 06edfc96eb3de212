"""Webhooks: signed, retried a few times, then given up with a message."""

import base64
from datetime import UTC, datetime

import pytest

from pointsman.client.webhook import NoticeFailedError, Webhook, secret_of, signed_headers
from pointsman.runtime.errors import CommandError
from tests.support.review.receiver import Received, receiver, verified

SECRET = b"0123456789abcdef01234567"
AT = datetime(2026, 3, 12, 9, 14, 5, tzinfo=UTC)


def test_the_signature_is_of_id_time_and_body() -> None:
    headers = signed_headers(SECRET, "case-1", AT, b'{"a":1}')
    assert headers["webhook-timestamp"] == "1773306845"
    for altered, good in (
        (Received(headers, b'{"a":1}'), True),
        (Received(headers, b'{"a":2}'), False),
        (Received({**headers, "webhook-id": "case-2"}, b'{"a":1}'), False),
        (Received({**headers, "webhook-timestamp": "1773306846"}, b'{"a":1}'), False),
    ):
        assert verified(altered, SECRET) is good


def test_a_secret_is_read_with_and_without_its_prefix() -> None:
    text = base64.b64encode(SECRET).decode()
    assert secret_of(f"whsec_{text}\n") == secret_of(text) == SECRET
    for wrong in ("", "whsec_", "short", "whsec_" + base64.b64encode(b"x" * 65).decode(), "ä" * 40):
        with pytest.raises(CommandError):
            secret_of(wrong)


async def test_a_notification_is_retried_until_accepted() -> None:
    async with receiver(500, 302, 204) as (url, received), Webhook(url, SECRET, waits_s=(0, 0, 0)) as webhook:
        await webhook.send("case-1", {"a": 1})
    assert [request.headers["webhook-id"] for request in received] == ["case-1"] * 3
    assert all(verified(request, SECRET) for request in received)


async def test_a_refused_notification_is_given_up_with_a_message() -> None:
    async with receiver(404) as (url, received), Webhook(url, SECRET, waits_s=(0,)) as webhook:
        with pytest.raises(NoticeFailedError, match=r"case-1 was not accepted after 2 tries: .*404"):
            await webhook.send("case-1", {})
    assert len(received) == 2
    for nowhere in ("http://127.0.0.1:9/", "not an address"):
        async with Webhook(nowhere, SECRET, waits_s=()) as webhook:
            with pytest.raises(NoticeFailedError):
                await webhook.send("case-1", {})
